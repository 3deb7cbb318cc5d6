//! What a person wears and carries, and what colours it all has.

use serde::{Deserialize, Serialize};

use super::Dice;

/// A colour as on a screen (sRGB, 0 to 255).
pub type Rgb = [u8; 3];

/// Hair of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Hair {
    Bald,
    Cropped,
    #[default]
    Short,
    Full,
    Afro,
    Bob,
    Long,
    Bun,
    Tail,
}

/// What covers the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Headwear {
    #[default]
    None,
    Cap,
    Beanie,
    Helmet,
    Scarf,
    Hood,
}

/// The innermost garment of the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Top {
    TShirt,
    #[default]
    Shirt,
    Jumper,
    Sleeveless,
}

/// The outer garment, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Outer {
    #[default]
    None,
    Jacket,
    Suit,
    Coat,
    Padded,
    Hoodie,
    HighVis,
}

/// What covers the legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Bottom {
    #[default]
    Trousers,
    Slim,
    Wide,
    Shorts,
    Skirt,
    LongSkirt,
    Dress,
}

/// Print or weave of the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Pattern {
    #[default]
    Plain,
    Heather,
    Stripes,
    Checks,
    Print,
    Yoke,
}

/// A carried thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// On the back, with straps.
    Backpack,
    /// On a long strap over the left shoulder, at the hip.
    ShoulderBag,
    /// In the left hand.
    Handbag,
    /// In the right hand.
    Briefcase,
    /// Before the belly; goes with [`super::Action::Carry`].
    Box,
    /// In the right hand.
    Cup,
    /// In the right hand.
    Phone,
    /// In the right hand.
    Tablet,
    /// On wheels, behind the left hand.
    Trolley,
    /// Open, over the head, in the right hand; goes with [`super::Action::Raise`].
    Umbrella,
    /// Sat in; goes with [`super::Action::Sit`].
    Wheelchair,
    /// Sat in, at a desk or not; goes with [`super::Action::Desk`].
    Chair,
    /// Before somebody who sits; goes with [`Self::Chair`].
    Desk,
    /// A service cart pushed with both hands; goes with [`super::Action::Push`].
    Cart,
}

/// What a person wears and carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outfit {
    /// Skin.
    pub skin: Rgb,
    /// Hair of the head.
    pub hair: Hair,
    /// Its colour.
    pub hair_colour: Rgb,
    /// Beard, 0 none, 1 full.
    pub beard: f32,
    /// Glasses.
    pub glasses: bool,
    /// A mask over mouth and nose.
    pub mask: bool,
    /// What covers the head.
    pub headwear: Headwear,
    /// Its colour.
    pub headwear_colour: Rgb,
    /// Innermost garment.
    pub top: Top,
    /// Its colour.
    pub top_colour: Rgb,
    /// Its print or weave.
    pub pattern: Pattern,
    /// Second colour of the print, also that of a tie.
    pub pattern_colour: Rgb,
    /// Tucked into trousers or skirt.
    pub tucked: bool,
    /// A tie (shows with a shirt).
    pub tie: bool,
    /// A badge on a lanyard.
    pub badge: bool,
    /// Outer garment.
    pub outer: Outer,
    /// Its colour.
    pub outer_colour: Rgb,
    /// Worn open in front.
    pub open: bool,
    /// What covers the legs.
    pub bottom: Bottom,
    /// Its colour.
    pub bottom_colour: Rgb,
    /// Shoes.
    pub shoe_colour: Rgb,
    /// Their soles.
    pub sole_colour: Rgb,
    /// Gloves, if worn.
    pub gloves: Option<Rgb>,
    /// Carried things.
    pub carried: Vec<Carried>,
    /// Their colour.
    pub carried_colour: Rgb,
    /// Seed of folds and small variations of the cloth.
    pub seed: u32,
}

impl Default for Outfit {
    fn default() -> Self {
        Self {
            skin: SKINS[1],
            hair: Hair::Short,
            hair_colour: HAIRS[1],
            beard: 0.0,
            glasses: false,
            mask: false,
            headwear: Headwear::None,
            headwear_colour: [40, 40, 48],
            top: Top::Shirt,
            top_colour: [196, 208, 224],
            pattern: Pattern::Plain,
            pattern_colour: [60, 60, 90],
            tucked: false,
            tie: false,
            badge: false,
            outer: Outer::None,
            outer_colour: [52, 56, 66],
            open: false,
            bottom: Bottom::Trousers,
            bottom_colour: [48, 54, 72],
            shoe_colour: [34, 30, 28],
            sole_colour: [22, 20, 20],
            gloves: None,
            carried: Vec::new(),
            carried_colour: [58, 62, 70],
            seed: 1,
        }
    }
}

const SKINS: [Rgb; 9] = [
    [240, 205, 182],
    [226, 184, 158],
    [222, 178, 140],
    [206, 160, 124],
    [186, 136, 102],
    [158, 110, 80],
    [126, 84, 60],
    [96, 62, 44],
    [70, 46, 34],
];

const HAIRS: [Rgb; 8] = [
    [20, 17, 16],
    [40, 29, 22],
    [66, 46, 32],
    [96, 68, 44],
    [150, 116, 74],
    [196, 168, 118],
    [120, 116, 112],
    [190, 188, 184],
];

/// Cloth colours by how often they are seen in offices and streets: mostly dark and muted.
const CLOTHS: [(Rgb, f32); 26] = [
    ([28, 28, 32], 3.0),
    ([44, 46, 52], 2.5),
    ([72, 74, 80], 2.0),
    ([128, 130, 134], 1.6),
    ([186, 188, 190], 1.4),
    ([232, 232, 230], 2.4),
    ([28, 36, 62], 2.4),
    ([44, 62, 104], 2.0),
    ([70, 104, 158], 1.5),
    ([142, 176, 212], 1.5),
    ([196, 212, 232], 1.2),
    ([92, 28, 34], 0.8),
    ([158, 34, 40], 1.0),
    ([206, 60, 52], 0.7),
    ([218, 122, 48], 0.5),
    ([226, 186, 66], 0.5),
    ([50, 74, 52], 0.9),
    ([86, 110, 70], 0.6),
    ([44, 122, 104], 0.5),
    ([150, 190, 150], 0.3),
    ([92, 66, 48], 1.0),
    ([150, 122, 92], 1.1),
    ([206, 186, 154], 1.1),
    ([104, 64, 116], 0.5),
    ([196, 130, 154], 0.5),
    ([226, 188, 196], 0.5),
];

const LEGS: [(Rgb, f32); 14] = [
    ([24, 24, 28], 3.0),
    ([42, 44, 52], 2.2),
    ([30, 38, 62], 2.5),
    ([46, 62, 96], 2.4),
    ([84, 108, 146], 1.6),
    ([128, 150, 178], 0.7),
    ([74, 74, 78], 1.4),
    ([122, 122, 124], 0.9),
    ([176, 156, 124], 1.2),
    ([206, 192, 164], 0.7),
    ([88, 72, 54], 0.8),
    ([66, 72, 50], 0.6),
    ([214, 214, 210], 0.4),
    ([104, 36, 42], 0.3),
];

const SHOES: [(Rgb, f32); 8] = [
    ([24, 22, 22], 3.0),
    ([52, 38, 30], 1.5),
    ([98, 66, 42], 1.0),
    ([222, 222, 220], 1.6),
    ([120, 122, 126], 0.8),
    ([40, 52, 92], 0.6),
    ([150, 40, 44], 0.4),
    ([176, 148, 116], 0.5),
];

fn shade(dice: &mut Dice, colour: Rgb) -> Rgb {
    let k = 1.0 + 0.08 * dice.normal();
    colour.map(|c| (f32::from(c) * k + 4.0 * dice.normal()).clamp(4.0, 250.0) as u8)
}

impl Outfit {
    /// Something people wear, `feminine` as in [`super::Build::feminine`].
    pub fn random(dice: &mut Dice, feminine: f32) -> Self {
        let woman = feminine > 0.5;
        let cloth = |dice: &mut Dice| {
            let c = dice.weighted(&CLOTHS);
            shade(dice, c)
        };
        let skin = dice.pick(&SKINS);
        let dark = skin[0] < 140;
        let hair_colour = if dark {
            HAIRS[dice.below(2)]
        } else {
            dice.pick(&HAIRS)
        };
        let hair = if woman {
            dice.weighted(&[
                (Hair::Long, 3.0),
                (Hair::Bob, 2.5),
                (Hair::Bun, 1.5),
                (Hair::Tail, 2.0),
                (Hair::Full, 1.0),
                (Hair::Afro, if dark { 1.5 } else { 0.2 }),
            ])
        } else {
            dice.weighted(&[
                (Hair::Short, 4.0),
                (Hair::Cropped, 2.5),
                (Hair::Full, 1.5),
                (Hair::Bald, 0.8),
                (Hair::Afro, if dark { 0.8 } else { 0.05 }),
                (Hair::Tail, 0.15),
            ])
        };
        let bottom = if woman {
            dice.weighted(&[
                (Bottom::Trousers, 2.0),
                (Bottom::Slim, 3.5),
                (Bottom::Wide, 1.0),
                (Bottom::Skirt, 1.2),
                (Bottom::LongSkirt, 0.5),
                (Bottom::Dress, 0.9),
                (Bottom::Shorts, 0.3),
            ])
        } else {
            dice.weighted(&[
                (Bottom::Trousers, 5.0),
                (Bottom::Slim, 2.5),
                (Bottom::Wide, 0.6),
                (Bottom::Shorts, 0.6),
            ])
        };
        let outer = dice.weighted(&[
            (Outer::None, 4.5),
            (Outer::Jacket, 1.8),
            (Outer::Suit, 1.6),
            (Outer::Coat, 1.0),
            (Outer::Padded, 0.7),
            (Outer::Hoodie, 0.9),
            (Outer::HighVis, 0.35),
        ]);
        let headwear = dice.weighted(&[
            (Headwear::None, 8.0),
            (Headwear::Cap, 0.7),
            (Headwear::Beanie, 0.5),
            (
                Headwear::Helmet,
                if outer == Outer::HighVis { 8.0 } else { 0.1 },
            ),
            (Headwear::Scarf, if woman { 0.6 } else { 0.0 }),
            (
                Headwear::Hood,
                if outer == Outer::Hoodie { 1.5 } else { 0.0 },
            ),
        ]);
        let top = dice.weighted(&[
            (Top::TShirt, if outer == Outer::Suit { 0.3 } else { 2.0 }),
            (Top::Shirt, 2.5),
            (Top::Jumper, 1.8),
            (Top::Sleeveless, if woman { 0.6 } else { 0.1 }),
        ]);
        let pattern = dice.weighted(&[
            (Pattern::Plain, 5.0),
            (Pattern::Heather, 1.5),
            (Pattern::Stripes, 0.8),
            (Pattern::Checks, 0.8),
            (Pattern::Print, 1.0),
            (Pattern::Yoke, 0.4),
        ]);
        let (top_colour, pattern_colour) = (cloth(dice), cloth(dice));
        let outer_colour = match outer {
            Outer::HighVis => dice.pick(&[[226, 236, 52], [248, 128, 40]]),
            _ => cloth(dice),
        };
        let leg_colour = dice.weighted(&LEGS);
        let mut bottom_colour = shade(dice, leg_colour);
        if outer == Outer::Suit && dice.chance(0.7) {
            bottom_colour = outer_colour;
        }
        if bottom == Bottom::Dress {
            bottom_colour = top_colour;
        }
        let shoe_colour = dice.weighted(&SHOES);
        let white_sole = dice.chance(0.35);
        Self {
            skin: shade(dice, skin),
            hair,
            hair_colour,
            beard: if !woman && dice.chance(0.35) {
                dice.range(0.3, 1.0)
            } else {
                0.0
            },
            glasses: dice.chance(0.22),
            mask: dice.chance(0.03),
            headwear,
            headwear_colour: match headwear {
                Headwear::Helmet => dice.pick(&[
                    [236, 206, 52],
                    [240, 240, 238],
                    [226, 110, 44],
                    [50, 90, 170],
                ]),
                Headwear::Hood => outer_colour,
                _ => cloth(dice),
            },
            top,
            top_colour,
            pattern,
            pattern_colour,
            tucked: dice.chance(0.4),
            tie: !woman && outer == Outer::Suit && dice.chance(0.6),
            badge: dice.chance(0.25),
            outer,
            outer_colour,
            open: outer == Outer::HighVis || dice.chance(0.5),
            bottom,
            bottom_colour,
            shoe_colour: shade(dice, shoe_colour),
            sole_colour: if white_sole {
                [210, 208, 204]
            } else {
                [26, 24, 24]
            },
            gloves: if dice.chance(0.04) {
                Some(cloth(dice))
            } else {
                None
            },
            carried: Self::random_things(dice),
            carried_colour: cloth(dice),
            seed: dice.bits(),
        }
    }

    fn random_things(dice: &mut Dice) -> Vec<Carried> {
        let mut out = Vec::new();
        if dice.chance(0.16) {
            out.push(Carried::Backpack);
        } else if dice.chance(0.16) {
            out.push(Carried::ShoulderBag);
        }
        if dice.chance(0.10) {
            out.push(dice.pick(&[Carried::Handbag, Carried::Trolley]));
        }
        if dice.chance(0.03) {
            out.push(dice.pick(&[Carried::Umbrella, Carried::Cart]));
        } else if dice.chance(0.012) {
            return vec![Carried::Wheelchair];
        } else if dice.chance(0.22) {
            out.push(dice.pick(&[
                Carried::Briefcase,
                Carried::Box,
                Carried::Cup,
                Carried::Phone,
                Carried::Tablet,
            ]));
        }
        out
    }

    /// Whether something long hangs from the waist over both legs.
    pub fn has_skirt(&self) -> bool {
        matches!(
            self.bottom,
            Bottom::Skirt | Bottom::LongSkirt | Bottom::Dress
        )
    }
}
