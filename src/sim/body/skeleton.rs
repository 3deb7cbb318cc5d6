//! Forward kinematics: from a pose to where every joint is.

use super::math::{Mat3, Vec3, v3};
use super::{Build, Pose};

/// A joint: where it is and how the segment that starts there is turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Position, m.
    pub at: Vec3,
    /// Forward, left, up of the segment.
    pub rot: Mat3,
}

impl Frame {
    /// A point given in this frame, in the world.
    pub fn point(&self, v: Vec3) -> Vec3 {
        self.at + self.rot.apply(v)
    }
}

/// A thick line segment: what shading takes a limb for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capsule {
    /// One end, m.
    pub a: Vec3,
    /// The other end, m.
    pub b: Vec3,
    /// Radius, m.
    pub radius: f32,
}

/// Where every joint is, in world metres. Index 0 is left, 1 is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Skeleton {
    /// Heading only: the floor point and the way the body faces.
    pub root: Frame,
    /// Between the hip joints.
    pub pelvis: Frame,
    /// At the waist, turned as the chest is.
    pub chest: Frame,
    /// Base of the neck, half way between chest and head.
    pub neck: Frame,
    /// Chin height on the neck's axis, turned as the head is.
    pub head: Frame,
    /// Shoulder joints; up points from the elbow to the shoulder.
    pub shoulders: [Frame; 2],
    /// Elbows.
    pub elbows: [Frame; 2],
    /// Wrists.
    pub wrists: [Frame; 2],
    /// Hip joints.
    pub hips: [Frame; 2],
    /// Knees.
    pub knees: [Frame; 2],
    /// Ankles, turned as the foot is: forward to the toes.
    pub ankles: [Frame; 2],
    /// Top of the head.
    pub crown: Vec3,
}

/// Height of the waist joint as a share of body height.
pub const WAIST_SHARE: f32 = 0.615;

/// +1 for left, -1 for right.
pub fn side_sign(side: usize) -> f32 {
    if side == 0 { 1.0 } else { -1.0 }
}

impl Skeleton {
    /// Places every joint.
    pub fn new(build: &Build, pose: &Pose) -> Self {
        let h = build.height_m;
        let root = Frame {
            at: v3(pose.at[0] as f32, pose.at[1] as f32, 0.0),
            rot: Mat3::yaw(pose.heading_rad),
        };
        let turned = |base: &Mat3, [yaw, pitch, roll]: [f32; 3]| {
            base.after(
                &Mat3::yaw(yaw)
                    .after(&Mat3::pitch(pitch))
                    .after(&Mat3::roll(roll)),
            )
        };
        let pelvis = Frame {
            at: root.point(v3(pose.sway_m[0], pose.sway_m[1], pose.hip_m)),
            rot: turned(&root.rot, pose.pelvis),
        };
        let waist_up = WAIST_SHARE * h - build.hip_m();
        let chest = Frame {
            at: pelvis.point(v3(0.0, 0.0, waist_up)),
            rot: turned(&pelvis.rot, pose.spine),
        };
        let chest_z = |z: f32| z - WAIST_SHARE * h;
        let neck_at = chest.point(v3(0.0, 0.0, chest_z(build.neck_m())));
        let head_rot = turned(&chest.rot, pose.head);
        let neck_rot = chest.rot.blend(&head_rot, 0.5);
        let neck = Frame {
            at: neck_at,
            rot: neck_rot,
        };
        let chin_up = h - build.head_m() - build.neck_m();
        let head = Frame {
            at: neck.point(v3(0.01, 0.0, chin_up)),
            rot: head_rot,
        };
        let shoulder_v = chest_z(build.shoulder_m());
        let arm = |side: usize| arm_frames(build, pose, &chest, shoulder_v, side);
        let leg = |side: usize| leg_frames(build, pose, &root, &pelvis, side);
        let (left_arm, right_arm) = (arm(0), arm(1));
        let (left_leg, right_leg) = (leg(0), leg(1));
        Self {
            root,
            pelvis,
            chest,
            neck,
            head,
            shoulders: [left_arm[0], right_arm[0]],
            elbows: [left_arm[1], right_arm[1]],
            wrists: [left_arm[2], right_arm[2]],
            hips: [left_leg[0], right_leg[0]],
            knees: [left_leg[1], right_leg[1]],
            ankles: [left_leg[2], right_leg[2]],
            crown: head.point(v3(0.0, 0.0, build.head_m())),
        }
    }

    /// The body as a few capsules, for soft occlusion.
    pub fn capsules(&self, build: &Build) -> Vec<Capsule> {
        let (h, g) = (build.height_m, build.girth.sqrt());
        let mut out = Vec::with_capacity(16);
        let mut add = |a: Vec3, b: Vec3, r: f32| {
            out.push(Capsule {
                a,
                b,
                radius: r * h,
            })
        };
        add(
            self.head.point(v3(0.0, 0.0, 0.05 * h)),
            self.head.point(v3(0.0, 0.0, 0.08 * h)),
            0.05,
        );
        let chest = |x: f32, y: f32, z: f32| self.chest.point(v3(x * h, y * h, z * h));
        add(chest(0.0, 0.035, 0.14), chest(0.0, 0.03, 0.02), 0.060 * g);
        add(chest(0.0, -0.035, 0.14), chest(0.0, -0.03, 0.02), 0.060 * g);
        let hip = |y: f32, z: f32| self.pelvis.point(v3(0.0, y * h, z * h));
        add(hip(0.035, 0.0), hip(-0.035, 0.0), 0.066 * g);
        for side in 0..2 {
            add(self.shoulders[side].at, self.elbows[side].at, 0.028 * g);
            add(self.elbows[side].at, self.wrists[side].at, 0.022 * g);
            add(self.hips[side].at, self.knees[side].at, 0.043 * g);
            add(self.knees[side].at, self.ankles[side].at, 0.031 * g);
            let foot = &self.ankles[side];
            let low = -0.55 * build.ankle_m();
            add(
                foot.point(v3(-0.03 * h, 0.0, low)),
                foot.point(v3(0.085 * h, 0.0, 1.3 * low)),
                0.018,
            );
        }
        out
    }
}

fn arm_frames(build: &Build, pose: &Pose, chest: &Frame, up_m: f32, side: usize) -> [Frame; 3] {
    let (s, arm) = (side_sign(side), pose.arms[side]);
    let rot = chest.rot.after(
        &Mat3::roll(s * arm.lift)
            .after(&Mat3::pitch(-arm.swing))
            .after(&Mat3::yaw(-s * arm.twist)),
    );
    let shoulder = Frame {
        at: chest.point(v3(
            -0.012 * build.height_m,
            s * build.shoulder_half_m(),
            up_m,
        )),
        rot,
    };
    let elbow = Frame {
        at: shoulder.point(v3(0.0, 0.0, -build.upper_arm_m())),
        rot: rot.after(&Mat3::pitch(-arm.elbow)),
    };
    let wrist = Frame {
        at: elbow.point(v3(0.0, 0.0, -build.forearm_m())),
        rot: elbow.rot.after(&Mat3::yaw(-s * arm.palm)),
    };
    [shoulder, elbow, wrist]
}

fn leg_frames(build: &Build, pose: &Pose, root: &Frame, pelvis: &Frame, side: usize) -> [Frame; 3] {
    let (s, leg) = (side_sign(side), pose.legs[side]);
    let rot = root
        .rot
        .after(&Mat3::roll(s * leg.lift).after(&Mat3::pitch(-leg.swing)));
    let hip = Frame {
        at: pelvis.point(v3(0.0, s * build.hip_half_m(), 0.0)),
        rot,
    };
    let knee = Frame {
        at: hip.point(v3(0.0, 0.0, -build.thigh_m())),
        rot: rot.after(&Mat3::pitch(leg.knee)),
    };
    let ankle = Frame {
        at: knee.point(v3(0.0, 0.0, -build.shank_m())),
        rot: knee
            .rot
            .after(&Mat3::pitch(-leg.ankle))
            .after(&Mat3::yaw(s * leg.turn)),
    };
    [hip, knee, ankle]
}
