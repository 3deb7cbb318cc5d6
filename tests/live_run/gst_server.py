"""A camera made of gst-rtsp-server: serves an H.264 clip once a session, over TCP or UDP as the client asks.

Usage: gst_server.py CLIP.mp4    prints the stream's address.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location="{sys.argv[1]}" ! qtdemux ! h264parse config-interval=-1 '
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
server.get_mount_points().add_factory("/front", factory)
server.attach(None)
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/front", flush=True)
GLib.MainLoop().run()
