//! Files as people write them, good and bad, against what is said of them.

mod bytes;
mod joined;
mod real_clips;
mod schema;
mod table;
mod tables;

/// A sound door file with `extra` (whole tables) after its first one.
pub(super) fn door_text(extra: &str) -> String {
    format!(
        r#"[door]
name = "front"

{extra}
[calibration]
image_px = [640, 480]
points_px = [[16.85, 396.49], [358.39, 359.39], [524.45, 271.55], [223.04, 193.41], [168.63, 274.09]]
points_m = [[-2.00, -2.67], [1.00, -1.33], [3.00, 1.33], [-3.00, 4.00], [-2.00, 0.00]]

[[portal]]
name = "front"
points_m = [[-0.70, 0.00], [0.70, 0.00]]
inside_m = [0.00, 1.00]
"#
    )
}

/// The site of [`door_text`].
#[track_caller]
pub(super) fn site_of(extra: &str) -> super::SiteConfig {
    let text = door_text(extra);
    let read = |_: &std::path::Path| Ok(text.clone().into_bytes());
    match super::site::load_with(&["door.toml".into()], &read) {
        Ok(site) => site,
        Err(problems) => panic!("{problems}"),
    }
}
