"""Empty libraries in the place of a GPU's, so that PyTorch loads on a machine that has none.

    python3 models/training/stand_in.py ENV/lib/python3.11/site-packages

PyPI's PyTorch for x86-64 is built for CUDA and names 2 GB of libraries as needed at start. On a
processor no function of them is ever called, so libraries with the same names and versions, whose
functions end the process, are enough. Takes a C compiler and binutils.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

# What may stand in; anything else that is missing is a mistake, and is left to the loader to say.
# Not the driver, libcuda: who looks for a GPU must find that there is none.
OF_A_GPU = re.compile(r"lib(cu(?!da\.)|nv|nccl)\w*\.so\.\d+")
SOURCE = "extern void abort(void); void stand_in(void) { abort(); }\n"


def said(*command):
    """What a program prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wanted(folder):
    """{library: {version: functions}} that the libraries of a folder need of a GPU's. Functions
    without a version stand under the empty one, in the library that their names begin with."""
    needs, unversioned = {}, set()
    for path in sorted(folder.glob("lib*.so")):
        for library in re.findall(r"\(NEEDED\).*\[(.+?)\]", said("readelf", "-d", path)):
            if OF_A_GPU.fullmatch(library):
                needs.setdefault(library, {})
        symbols = said("nm", "-D", "--undefined-only", "--with-symbol-versions", path)
        found = re.findall(r" U (\w+)@(\S+)", symbols)
        library = None
        for line in said("readelf", "-V", "-W", path).splitlines():
            if file := re.search(r"File: (\S+)", line):
                library = file[1]
            version = re.search(r"Name: (\S+)", line)
            if version and library in needs:
                names = needs[library].setdefault(version[1], set())
                names |= {name for name, of in found if of == version[1]}
        unversioned |= set(re.findall(r" U ((?:cu|nv|nccl)\w+)$", symbols, re.MULTILINE))
    stems = {library: library[3 : library.index(".so")].split("_")[0] for library in needs}
    for name in unversioned:
        fitting = [
            library for library, stem in stems.items()
            if name.lower().startswith(stem.lower())
        ]
        if fitting:
            longest = max(fitting, key=len)
            needs[longest].setdefault("", set()).add(name)
    return needs


def build(library, versions, to):
    """Compiles one."""
    aliases = "".join(
        f'void {name}(void) __attribute__((alias("stand_in")));\n'
        for names in versions.values() for name in sorted(names)
    )
    script = "".join(
        f"{version} {{ global: {'; '.join(sorted(names) or ['stand_in'])}; }};\n"
        for version, names in versions.items()
        if version
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "all.c").write_text(SOURCE + aliases)
        (folder / "versions").write_text(script)
        named = [f"-Wl,--version-script={folder / 'versions'}"] if script else []
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-w", "-o", to, folder / "all.c",
             f"-Wl,-soname,{library}", *named],
            check=True,
        )


def main():
    packages = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else None
    if packages is None or not (packages / "torch" / "lib").is_dir():
        raise SystemExit("usage: stand_in.py SITE-PACKAGES: a folder that has torch/lib in it")
    folder = packages / "torch" / "lib"
    real = {path.name: path for path in packages.glob("nvidia/**/lib/*.so*")}
    for library, versions in wanted(folder).items():
        place = folder / library
        if library in real:
            place.unlink(missing_ok=True)
            place.symlink_to(real[library])
        elif not place.exists():
            build(library, versions, place)


if __name__ == "__main__":
    main()
