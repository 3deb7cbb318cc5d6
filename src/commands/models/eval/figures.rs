//! Figures of what a model saw, by where pictures come from, viewpoint, light, size and occlusion.
//!
//! Source, viewpoint and light are of pictures: each group of them is judged on its own. Size and
//! occlusion are of people: a false box has neither, so only the share found is told there, at the
//! score that lets through [`FALSE_RATE`] false boxes a picture over all pictures together.

use serde::Serialize;

use super::labels::{Camera, Details, Labelled};
use crate::detection::{Detection, PointInImage};
use crate::score::boxes::{Curve, FALSE_RATE, LEVELS, OVERLAP, Outcome, Person, judge};

/// Views flatter than this look along the floor, degrees below the horizon.
const FLAT_DEG: f64 = 35.0;
/// Views steeper than this look at heads.
const STEEP_DEG: f64 = 60.0;
/// Larger sides of small and of large people, px of the picture.
const SIDES_PX: (f64, f64) = (48.0, 120.0);
/// Share of the body that shows of half-hidden and of free people.
const SHARES: (f64, f64) = (0.5, 0.9);

/// A picture and what a model saw in it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The picture with its labels.
    pub picture: &'a Labelled,
    /// What was seen.
    pub found: Vec<Detection>,
}

/// Figures of one group.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// What the group is.
    pub group: String,
    /// How many pictures, for groups of pictures.
    pub pictures: Option<usize>,
    /// How many people to be found.
    pub people: usize,
    /// Average precision at an overlap of 0.5, %.
    pub ap50: Option<f64>,
    /// Average precision over overlaps of 0.5 to 0.95, %.
    pub ap: Option<f64>,
    /// People found at 0.1 false boxes a picture, %.
    pub recall: Option<f64>,
    /// How far feet that can be seen are off.
    pub foot: Option<FootError>,
    /// How far hidden feet are off.
    pub hidden_foot: Option<FootError>,
}

/// How far foot points are off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FootError {
    /// Of how many people.
    pub people: usize,
    /// Median distance in the picture, px.
    pub px: f64,
    /// Median distance on the floor, cm; none where no camera is known.
    pub cm: Option<f64>,
}

/// All figures of what one model saw, group after group.
pub fn figures(seen: &[Seen<'_>]) -> Vec<Figures> {
    let mut groups = vec![of_pictures("all".to_owned(), seen.iter().collect())];
    let mut names: Vec<String> = seen.iter().flat_map(|one| names_of(one.picture)).collect();
    names.sort();
    names.dedup();
    for name in names {
        let chosen = seen
            .iter()
            .filter(|one| names_of(one.picture).contains(&name));
        groups.push(of_pictures(name.clone(), chosen.collect()));
    }
    // A group that everything is in says nothing new.
    let everything = seen.len();
    groups.retain(|one| one.group == "all" || one.pictures != Some(everything));
    groups.extend(of_people(seen));
    groups
}

/// The groups a picture is in besides all of them.
fn names_of(picture: &Labelled) -> Vec<String> {
    let mut names = Vec::new();
    if picture.source != "all" {
        names.push(format!("source {}", picture.source));
    }
    if let Some(camera) = &picture.camera {
        let degrees = match camera.pitch_deg {
            pitch if pitch < FLAT_DEG => "0-35",
            pitch if pitch < STEEP_DEG => "35-60",
            _ => "60-90",
        };
        names.push(format!("view {degrees} degrees down"));
    }
    names.extend(picture.light.iter().map(|light| format!("light {light}")));
    names
}

fn pairs<'a>(
    seen: &'a [&'a Seen<'a>],
) -> impl Iterator<Item = (&'a [Detection], &'a [Person])> + Clone {
    let pictures = seen.iter();
    pictures.map(|one| (one.found.as_slice(), one.picture.people.as_slice()))
}

fn of_pictures(group: String, seen: Vec<&Seen<'_>>) -> Figures {
    let curves: Vec<Curve> = LEVELS
        .iter()
        .map(|level| Curve::of(pairs(&seen), *level))
        .collect();
    let precisions: Option<Vec<f64>> = curves.iter().map(Curve::average_precision).collect();
    let percent = |share: f64| 100.0 * share;
    let recall = curves[0].recall_at(FALSE_RATE);
    let least_score = recall.map_or(f64::INFINITY, |recall| recall.least_score);
    let (foot, hidden_foot) = feet(&seen, least_score);
    Figures {
        group,
        pictures: Some(seen.len()),
        people: curves[0].people(),
        ap50: precisions.as_ref().map(|all| percent(all[0])),
        ap: precisions.map(|all| percent(all.iter().sum::<f64>() / all.len() as f64)),
        recall: recall.map(|recall| percent(recall.share)),
        foot,
        hidden_foot,
    }
}

/// Who was found, by size and by how much of them shows.
fn of_people(seen: &[Seen<'_>]) -> Vec<Figures> {
    let all: Vec<&Seen<'_>> = seen.iter().collect();
    let recall = Curve::of(pairs(&all), OVERLAP).recall_at(FALSE_RATE);
    let least_score = recall.map_or(f64::INFINITY, |recall| recall.least_score);
    let mut people: Vec<(&'static str, bool)> = Vec::new();
    for one in seen {
        let taken = taken(&one.found, least_score);
        let outcomes = judge(&taken, &one.picture.people, OVERLAP);
        let both = one.picture.people.iter().zip(&one.picture.details);
        for (whom, (person, details)) in both.enumerate().filter(|(_, (p, _))| !p.is_ignored) {
            let is_found = outcomes.contains(&Outcome::Shows(whom));
            let groups = [Some(size_of(person)), details.visible.map(occlusion_of)];
            people.extend(groups.into_iter().flatten().map(|group| (group, is_found)));
        }
    }
    let mut groups: Vec<&'static str> = people.iter().map(|(group, _)| *group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
        .into_iter()
        .map(|group| {
            let of_group = people.iter().filter(|(name, _)| *name == group);
            let count = of_group.clone().count();
            let found = of_group.filter(|(_, is_found)| *is_found).count();
            Figures {
                group: group.to_owned(),
                people: count,
                recall: Some(100.0 * found as f64 / count.max(1) as f64),
                ..Figures::default()
            }
        })
        .collect()
}

fn taken(found: &[Detection], least_score: f64) -> Vec<Detection> {
    let found = found
        .iter()
        .filter(|detection| detection.score >= least_score);
    found.copied().collect()
}

fn size_of(person: &Person) -> &'static str {
    let side = person.bbox.width().max(person.bbox.height());
    match side {
        side if side < SIDES_PX.0 => "size below 48 px",
        side if side < SIDES_PX.1 => "size from 48 px",
        _ => "size over 120 px",
    }
}

fn occlusion_of(visible: f64) -> &'static str {
    match visible {
        share if share < SHARES.0 => "shows below 50 %",
        share if share < SHARES.1 => "shows from 50 %",
        _ => "shows over 90 %",
    }
}

/// How far feet are off, seen ones and hidden ones, of people found with at least `least_score`.
fn feet(seen: &[&Seen<'_>], least_score: f64) -> (Option<FootError>, Option<FootError>) {
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    for one in seen {
        let taken = taken(&one.found, least_score);
        let outcomes = judge(&taken, &one.picture.people, OVERLAP);
        for (detection, outcome) in taken.iter().zip(outcomes) {
            let Outcome::Shows(whom) = outcome else {
                continue;
            };
            let details: &Details = &one.picture.details[whom];
            let (Some(foot), Some(is_seen)) = (details.foot, details.is_foot_seen) else {
                continue;
            };
            let told = detection.foot.unwrap_or(detection.bbox.bottom_centre());
            let floor = one
                .picture
                .camera
                .as_ref()
                .and_then(|c| apart_m(c, told, foot));
            let errors = if is_seen { &mut shown } else { &mut hidden };
            errors.push((told.distance(foot), floor));
        }
    }
    (error_of(&shown), error_of(&hidden))
}

fn apart_m(camera: &Camera, a: PointInImage, b: PointInImage) -> Option<f64> {
    let (a, b) = (camera.floor_from_image(a)?, camera.floor_from_image(b)?);
    Some(a.distance(b))
}

fn error_of(errors: &[(f64, Option<f64>)]) -> Option<FootError> {
    Some(FootError {
        people: errors.len(),
        px: median(errors.iter().map(|(px, _)| *px).collect())?,
        cm: median(errors.iter().filter_map(|(_, m)| *m).collect()).map(|m| 100.0 * m),
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(0.5 * (lower + upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::BoxInImage;
    use std::path::PathBuf;

    fn picture(source: &str, people: &[(f64, Details)]) -> Labelled {
        let person = |(x, _): &(f64, Details)| Person {
            bbox: BoxInImage::new(*x, 0.0, x + 20.0, 60.0),
            is_ignored: false,
        };
        Labelled {
            name: "a.jpg".to_owned(),
            path: PathBuf::new(),
            source: source.to_owned(),
            light: None,
            size: None,
            camera: None,
            people: people.iter().map(person).collect(),
            details: people.iter().map(|(_, details)| *details).collect(),
        }
    }

    fn foot(x: f64, y: f64, is_seen: bool) -> Details {
        Details {
            foot: Some(PointInImage { x, y }),
            is_foot_seen: Some(is_seen),
            visible: Some(if is_seen { 0.95 } else { 0.4 }),
        }
    }

    fn find<'a>(figures: &'a [Figures], group: &str) -> &'a Figures {
        figures.iter().find(|one| one.group == group).unwrap()
    }

    #[test]
    fn groups_and_feet_are_told() {
        let lobby = picture(
            "lobby",
            &[
                (0.0, foot(10.0, 57.0, true)),
                (50.0, foot(60.0, 90.0, false)),
            ],
        );
        let yard = picture("yard", &[(0.0, Details::default())]);
        let mut given = Detection::new(BoxInImage::new(50.0, 0.0, 70.0, 60.0), 0.8);
        given.foot = Some(PointInImage { x: 60.0, y: 80.0 });
        let box_only = Detection::new(BoxInImage::new(0.0, 0.0, 20.0, 60.0), 0.9);
        let seen = [
            Seen {
                picture: &lobby,
                found: vec![box_only, given],
            },
            Seen {
                picture: &yard,
                found: Vec::new(),
            },
        ];
        let figures = figures(&seen);
        let names: Vec<&str> = figures.iter().map(|one| one.group.as_str()).collect();
        let expect = [
            "all",
            "source lobby",
            "source yard",
            "shows below 50 %",
            "shows over 90 %",
            "size from 48 px",
        ];
        assert_eq!(names, expect);
        let lobby = find(&figures, "source lobby");
        assert_eq!(
            (lobby.pictures, lobby.people, lobby.recall),
            (Some(1), 2, Some(100.0))
        );
        // The middle of the lower edge is 3 px below the foot, the given foot 10 px above it.
        let px = [lobby.foot, lobby.hidden_foot].map(|foot| foot.unwrap().px.round() as u32);
        assert_eq!(px, [3, 10]);
        assert_eq!(find(&figures, "source yard").recall, Some(0.0));
        let sized = find(&figures, "size from 48 px");
        assert_eq!(
            (sized.people, sized.recall.map(f64::round)),
            (3, Some(67.0))
        );
    }
}
