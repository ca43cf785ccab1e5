// SPDX-License-Identifier: GPL-2.0

//! What a disc needs to be written in packets: from what the drive says of it to commands.
//!
//! All of it is decided here, from a [`Survey`], and nothing is sent.

use super::spare::Spare;
use crate::driver::logic::mmc::disc::{Formatted, Recorded};
use crate::driver::logic::mmc::profile::{Kind, Profile};
use crate::mmc::capacities::{Capacities, Capacity, Offer};
use crate::mmc::commands::{Blank, Close, FormatUnit};
use crate::survey::{Abilities, Survey};

/// Blocks in a packet of a CD-RW.
pub const CD_PACKET: u32 = 32;
/// What a packet and the blocks that link it to the next take on a CD-RW.
const CD_PACKET_LINKED: u32 = CD_PACKET + 7;
/// Spare areas of BD-RE are that many blocks each, or a multiple: 32 MiB.
const SPARE_UNIT: u32 = 1 << 14;

/// How thoroughly to format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// So that packets can be written soon.
    #[default]
    Usual,
    /// All of the disc, with certification if the drive can do that.
    Full,
    /// As little as the drive offers, even if packets cannot be written then.
    Quick,
}

/// What is wanted of a disc.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// How thoroughly.
    pub effort: Effort,
    /// In the Mount Rainier format.
    pub mrw: bool,
    /// The spare areas.
    pub spare: Spare,
    /// Formatting in the background is to be gone on with, not begun anew.
    pub resume: bool,
}

/// A command for the disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Blank it. After that the drive has to be asked anew, and a plan made again.
    Blank(Blank),
    /// Tell the drive to write packets of so many blocks.
    Packets(u32),
    /// Stop formatting in the background.
    Close(Close),
    /// Format it.
    Format(FormatUnit),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What becomes of the disc, for people.
    pub title: String,
    /// In this order.
    pub steps: Vec<Step>,
    /// The drive goes on formatting by itself while the disc is used.
    pub background: bool,
    /// What is on the disc stays there.
    pub keeps_data: bool,
    /// Packets cannot be written on the disc then, and why.
    pub warning: Option<&'static str>,
}

impl Plan {
    /// How many blocks the disc is to have when the last step is done, if that is told to the drive.
    pub fn ordered(&self) -> Option<u32> {
        match self.steps.last() {
            Some(Step::Format(format)) if !self.background => Some(format.blocks),
            _ => None,
        }
        .filter(|&blocks| !matches!(blocks, 0 | u32::MAX))
    }
}

/// Why a disc cannot be formatted so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// It is another kind of disc.
    #[error("{0} cannot be formatted for packets: {advice}", advice = .0.advice())]
    Profile(Profile),
    /// The drive cannot do that.
    #[error("the drive offers no format that fits; leave the options out, or try another drive")]
    NotOffered,
    /// Mount Rainier is for CD-RW and DVD+RW, and for few drives.
    #[error("the drive cannot write {0} in the Mount Rainier format: leave --mrw out")]
    NoMrw(Profile),
    /// There are spare areas on some discs only.
    #[error("{0} has no spare areas to choose: leave --spare out")]
    NoSpare(Profile),
    /// There is nothing to go on with.
    #[error("there is no unfinished format on this {0}: leave --resume out")]
    NothingToResume(Profile),
}

/// Which family of discs a profile belongs to, for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    CdRw,
    DvdRw,
    DvdPlusRw,
    DvdRam,
    BdRe,
}

const fn family(profile: Profile) -> Option<Family> {
    match profile.0 {
        0x0a | 0xffff => Some(Family::CdRw),
        0x13 | 0x14 => Some(Family::DvdRw),
        0x1a | 0x2a => Some(Family::DvdPlusRw),
        0x12 | 0x52 => Some(Family::DvdRam),
        0x43 => Some(Family::BdRe),
        _ => None,
    }
}

/// What to do to get what is wanted.
///
/// # Errors
///
/// Why that is not possible with this disc and this drive.
pub fn plan(survey: &Survey, wish: &Wish) -> Result<Plan, Impossible> {
    let profile = survey.profile;
    let family = family(profile).ok_or(Impossible::Profile(profile))?;
    let has_spare = matches!(family, Family::DvdRam | Family::BdRe);

    // A CD-R has the profile of a CD-RW in drives that know no profiles.
    if family == Family::CdRw && survey.disc.is_some_and(|disc| !disc.erasable) {
        return Err(Impossible::Profile(Profile(0x09)));
    }
    if wish.spare != Spare::Default && !has_spare {
        return Err(Impossible::NoSpare(profile));
    }
    // No other discs are formatted in the background, whatever a drive says.
    let unfinished = matches!(family, Family::CdRw | Family::DvdPlusRw)
        && matches!(survey.formatted(), Formatted::Stopped | Formatted::Running);
    if wish.resume && !unfinished {
        return Err(Impossible::NothingToResume(profile));
    }
    // Some drives do not list all of their features.
    let offers_mrw = survey.capacities.of(0x24).next().is_some();
    let mrw_possible = match family {
        Family::CdRw => survey.abilities.cd_mrw || offers_mrw,
        Family::DvdPlusRw => profile.0 == 0x1a && (survey.abilities.dvd_mrw || offers_mrw),
        _ => false,
    };
    if wish.mrw && !mrw_possible {
        return Err(Impossible::NoMrw(profile));
    }
    match family {
        Family::CdRw if wish.mrw => background(survey, wish, Kind::CdMrw),
        Family::CdRw if wish.resume => background(survey, wish, Kind::CdMrw),
        Family::DvdPlusRw if wish.mrw => background(survey, wish, Kind::DvdMrw),
        Family::DvdPlusRw if wish.resume && survey.mrw => background(survey, wish, Kind::DvdMrw),
        Family::DvdPlusRw => background(survey, wish, Kind::DvdPlusRw),
        Family::CdRw => cd_rw(survey, wish),
        Family::DvdRw => dvd_rw(&survey.capacities, wish),
        Family::DvdRam => dvd_ram(profile, &survey.capacities, wish),
        Family::BdRe => bd_re(&survey.capacities, survey.abilities, wish),
    }
}

fn done_when_it_ends(title: String, steps: Vec<Step>) -> Plan {
    Plan {
        title,
        steps,
        background: false,
        keeps_data: false,
        warning: None,
    }
}

/// Fixed packets of 32 blocks, on a disc that has to be blank before.
fn cd_rw(survey: &Survey, wish: &Wish) -> Result<Plan, Impossible> {
    // A drive that does not tell what state the disc is in may blank it once too often.
    if !survey.disc.is_some_and(|disc| disc.disc == Recorded::Empty) {
        let how = match wish.effort {
            Effort::Full => Blank::Whole,
            _ => Blank::Minimal,
        };
        return Ok(done_when_it_ends(
            "blanking the CD-RW".into(),
            // Some drives take the size only as long as the disc is not blank.
            vec![Step::Packets(CD_PACKET), Step::Blank(how)],
        ));
    }
    let offered = survey.capacities.largest(0x10).map(|offer| offer.blocks);
    // Old drives offer nothing, but tell how far the disc reaches.
    let fitting = survey
        .last_lead_out
        .map(|end| (end.saturating_add(5)) / CD_PACKET_LINKED * CD_PACKET);
    let blocks = offered.filter(|&n| n > 0).or(fitting);
    let blocks = blocks.map_or(0, |n| n / CD_PACKET * CD_PACKET);
    if blocks == 0 {
        return Err(Impossible::NotOffered);
    }
    Ok(done_when_it_ends(
        "formatting the CD-RW with packets of 64 KiB".into(),
        vec![
            Step::Packets(CD_PACKET),
            Step::Format(FormatUnit::new(0x10, blocks, CD_PACKET)),
        ],
    ))
}

/// Restricted overwrite, all of it: only then can any packet be written.
fn dvd_rw(capacities: &Capacities, wish: &Wish) -> Result<Plan, Impossible> {
    if wish.effort == Effort::Quick {
        let offer = capacities.largest(0x15).ok_or(Impossible::NotOffered)?;
        let mut plan = done_when_it_ends(
            "formatting the DVD-RW quickly".into(),
            // None of it is formatted before it is written.
            vec![Step::Format(FormatUnit::new(0x15, 0, offer.parameter))],
        );
        plan.warning = Some(
            "a DVD-RW that was formatted quickly can be written from its first block on only, \
             not in packets: format it without --quick for that",
        );
        return Ok(plan);
    }
    let offer = capacities.largest(0x00).or(capacities.largest(0x10));
    let offer = offer.filter(|offer| offer.blocks > 0);
    let offer = offer.ok_or(Impossible::NotOffered)?;
    Ok(done_when_it_ends(
        "formatting the DVD-RW for restricted overwrite".into(),
        vec![Step::Format(FormatUnit::new(
            offer.kind,
            offer.blocks,
            offer.parameter,
        ))],
    ))
}

/// DVD+RW and Mount Rainier: the drive formats while the disc is used.
fn background(survey: &Survey, wish: &Wish, kind: Kind) -> Result<Plan, Impossible> {
    const RESTART: u32 = 1;
    let state = survey.formatted();
    let mrw = kind != Kind::DvdPlusRw;
    let format = |parameter| {
        let kind = if mrw { 0x24 } else { 0x26 };
        Step::Format(FormatUnit::new(kind, u32::MAX, parameter))
    };
    let name = match (kind, survey.profile.0) {
        (Kind::DvdPlusRw, 0x2a) => Kind::DvdPlusRwDl.name(),
        (kind, _) => kind.name(),
    };
    let (title, steps) = match (state, wish.resume) {
        (Formatted::Running, true) => (format!("waiting for the format of the {name}"), vec![]),
        (_, true) => (
            format!("going on with the format of the {name}"),
            vec![format(RESTART)],
        ),
        (Formatted::Running, false) => (
            format!("formatting the {name}"),
            vec![Step::Close(Close::StopFormat), format(0)],
        ),
        (_, false) => (format!("formatting the {name}"), vec![format(0)]),
    };
    Ok(Plan {
        title,
        steps,
        background: true,
        keeps_data: wish.resume,
        warning: None,
    })
}

/// The largest format has the smallest spare areas.
fn dvd_ram(profile: Profile, capacities: &Capacities, wish: &Wish) -> Result<Plan, Impossible> {
    let has = |offer: &&Offer| capacities.current == Some(Capacity::Formatted(offer.blocks));
    let offer = match wish.spare {
        Spare::Default => capacities.of(0x00).find(has).or(capacities.smallest(0x00)),
        Spare::None => capacities.largest(0x00),
        Spare::Blocks(spare) => nearest(capacities, &[0x00, 0x01], spare),
    };
    let offer = offer.ok_or(Impossible::NotOffered)?;
    let mut format = FormatUnit::new(offer.kind, offer.blocks, offer.parameter);
    format.options_valid = true;
    // Spares that are added leave the rest of the disc as it is. Without certification and with the
    // defects that are known, some drives leave the size as it is, whatever is ordered.
    if wish.effort != Effort::Full && offer.kind == 0x00 && has(&offer) {
        format.no_certification = true;
        format.complete_list = true;
    }
    let name = if profile.0 == 0x12 {
        "DVD-RAM"
    } else {
        "HD DVD-RAM"
    };
    let certification = match wish.effort {
        Effort::Full => ", with certification",
        _ => "",
    };
    Ok(done_when_it_ends(
        format!("formatting the {name}{certification}"),
        vec![Step::Format(format)],
    ))
}

/// The offer whose spare areas are next to what is wanted; the largest format has none.
fn nearest<'a>(capacities: &'a Capacities, kinds: &[u8], spare: u32) -> Option<&'a Offer> {
    let offers = || {
        let offers = capacities.offers.iter();
        offers.filter(|offer| kinds.contains(&offer.kind))
    };
    let most = offers().map(|offer| offer.blocks).max()?;
    let wanted = most.saturating_sub(spare);
    // Of two that are as near, the one that does not change less of the disc.
    offers().min_by_key(|offer| (offer.blocks.abs_diff(wanted), offer.kind))
}

/// 30h has spare areas, 31h has none, 00h is what the drive likes best, and quick.
fn bd_re(capacities: &Capacities, abilities: Abilities, wish: &Wish) -> Result<Plan, Impossible> {
    let formatted = matches!(capacities.current, Some(Capacity::Formatted(_)));
    let with_spares = capacities.of(0x30).next();
    let offer = match (wish.spare, wish.effort) {
        (Spare::Default, Effort::Full) => with_spares.or(capacities.of(0x00).next()),
        (Spare::Default, _) => capacities.of(0x00).next().or(with_spares),
        (Spare::None, _) => capacities.largest(0x31),
        (Spare::Blocks(_), _) => with_spares,
    };
    let offer = offer.ok_or(Impossible::NotOffered)?;
    let (mut blocks, mut parameter) = (offer.blocks, offer.parameter);
    if let Spare::Blocks(spare) = wish.spare {
        let least = capacities.smallest(0x30).map_or(0, |offer| offer.blocks);
        let most = capacities.largest(0x30).map_or(0, |offer| offer.blocks);
        let all = capacities.largest(0x31).map_or(most, |offer| offer.blocks);
        let spare = spare.div_ceil(SPARE_UNIT).saturating_mul(SPARE_UNIT);
        blocks = all.saturating_sub(spare).clamp(least, most);
        // What the drive offers in full is said as it is offered.
        let same = capacities.of(0x30).find(|offer| offer.blocks == blocks);
        parameter = same.map_or(0, |offer| offer.parameter);
    }
    let mut format = FormatUnit::new(offer.kind, blocks, parameter);
    format.options_valid = true;
    format.subtype = match (offer.kind, wish.effort) {
        (0x30 | 0x31, Effort::Full) if abilities.full_certification => 2,
        (0x30 | 0x31, Effort::Full) if abilities.quick_certification => 3,
        (0x30, Effort::Usual) if abilities.quick_certification => 3,
        // Nothing is known of a new disc that a quick format could keep.
        (0x31, _) if !formatted => 1,
        _ => 0,
    };
    Ok(done_when_it_ends(
        "formatting the BD-RE".into(),
        vec![Step::Format(format)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::logic::mmc::disc::DiscInfo;
    use proptest::prelude::*;

    /// A disc with that profile, and byte 2 and 7 of its information.
    fn disc(profile: u16, states: u8, format: u8) -> Survey {
        let info = [0, 32, states, 1, 1, 1, 1, format, 0];
        Survey {
            profile: Profile(profile),
            mrw: false,
            disc: DiscInfo::parse(&info).ok(),
            last_lead_out: None,
            capacities: Capacities::default(),
            abilities: Abilities::default(),
        }
    }

    fn offering(mut survey: Survey, offers: &[(u8, u32, u32)]) -> Survey {
        let offers = offers.iter().map(|&(kind, blocks, parameter)| Offer {
            kind,
            blocks,
            parameter,
        });
        survey.capacities.offers = offers.collect();
        survey
    }

    fn wish(effort: Effort) -> Wish {
        Wish {
            effort,
            ..Wish::default()
        }
    }

    /// The one format of a plan.
    fn format(survey: &Survey, wish: &Wish) -> FormatUnit {
        let plan = plan(survey, wish).unwrap();
        match plan.steps[..] {
            [.., Step::Format(format)] => format,
            _ => panic!("{plan:?}"),
        }
    }

    const EMPTY: u8 = 0x10;
    const COMPLETE: u8 = 0x1e;
    const USUAL: Wish = Wish {
        effort: Effort::Usual,
        mrw: false,
        spare: Spare::Default,
        resume: false,
    };

    #[test]
    fn a_cd_is_blanked_before() {
        let used = disc(0x0a, COMPLETE, 0);
        let steps = |effort| plan(&used, &wish(effort)).unwrap().steps;
        let packets = Step::Packets(32);
        assert_eq!(steps(Effort::Usual), [packets, Step::Blank(Blank::Minimal)]);
        assert_eq!(steps(Effort::Full), [packets, Step::Blank(Blank::Whole)]);
        let blank = offering(disc(0x0a, EMPTY, 0), &[(0x10, 295264 + 5, 32)]);
        assert_eq!(
            plan(&blank, &USUAL).unwrap().steps,
            [
                Step::Packets(32),
                Step::Format(FormatUnit::new(0x10, 295264, 32))
            ]
        );
        // A drive that knows no profiles, and offers nothing.
        let mut old = disc(0xffff, EMPTY, 0);
        assert_eq!(plan(&old, &USUAL), Err(Impossible::NotOffered));
        old.last_lead_out = Some(4096 / 32 * 39 - 5);
        assert_eq!(format(&old, &USUAL).blocks, 4096);
        // A CD-R in such a drive.
        assert_eq!(
            plan(&disc(0xffff, 0, 0), &USUAL),
            Err(Impossible::Profile(Profile(9)))
        );
    }

    #[test]
    fn a_dvd_rw_is_formatted_as_a_whole() {
        let offers = [
            (0x10, 2297888, 16),
            (0x00, 2297888, 0x800),
            (0x15, 2297888, 16),
        ];
        for profile in [0x13, 0x14] {
            let disc = offering(disc(profile, EMPTY, 0), &offers);
            for effort in [Effort::Usual, Effort::Full] {
                assert_eq!(
                    format(&disc, &wish(effort)),
                    FormatUnit::new(0x00, 2297888, 0x800)
                );
            }
            let quick = plan(&disc, &wish(Effort::Quick)).unwrap();
            assert_eq!(quick.steps, [Step::Format(FormatUnit::new(0x15, 0, 16))]);
            assert!(quick.warning.is_some());
        }
        let only_10h = offering(disc(0x14, EMPTY, 0), &offers[..1]);
        assert_eq!(format(&only_10h, &USUAL).kind, 0x10);
        let only_quick = offering(disc(0x14, EMPTY, 0), &offers[2..]);
        assert_eq!(plan(&only_quick, &USUAL), Err(Impossible::NotOffered));
    }

    #[test]
    fn a_dvd_plus_rw_goes_on_by_itself() {
        let resume = Wish {
            resume: true,
            ..USUAL
        };
        for profile in [0x1a, 0x2a] {
            let new = plan(&disc(profile, EMPTY, 0), &USUAL).unwrap();
            assert_eq!(
                new.steps,
                [Step::Format(FormatUnit::new(0x26, u32::MAX, 0))]
            );
            assert!(new.background && !new.keeps_data);
            // Stopped, running, complete.
            let stopped = disc(profile, COMPLETE, 1);
            assert_eq!(format(&stopped, &USUAL).parameter, 0);
            let more = plan(&stopped, &resume).unwrap();
            assert!(more.keeps_data && more.background);
            assert_eq!(
                more.steps,
                [Step::Format(FormatUnit::new(0x26, u32::MAX, 1))]
            );
            let running = disc(profile, COMPLETE, 2);
            assert_eq!(
                plan(&running, &USUAL).unwrap().steps[0],
                Step::Close(Close::StopFormat)
            );
            assert_eq!(plan(&running, &resume).unwrap().steps, []);
            for state in [0, 3] {
                assert_eq!(
                    plan(&disc(profile, COMPLETE, state), &resume),
                    Err(Impossible::NothingToResume(Profile(profile)))
                );
            }
        }
    }

    #[test]
    fn mount_rainier_if_the_drive_can() {
        let mrw = Wish { mrw: true, ..USUAL };
        for (profile, abilities) in [
            (
                0x0a,
                Abilities {
                    cd_mrw: true,
                    ..Abilities::default()
                },
            ),
            (
                0x1a,
                Abilities {
                    dvd_mrw: true,
                    ..Abilities::default()
                },
            ),
        ] {
            let mut disc = disc(profile, COMPLETE, 0);
            assert_eq!(plan(&disc, &mrw), Err(Impossible::NoMrw(Profile(profile))));
            disc.abilities = abilities;
            assert_eq!(format(&disc, &mrw), FormatUnit::new(0x24, u32::MAX, 0));
            assert!(plan(&disc, &mrw).unwrap().background);
        }
        for profile in [0x12, 0x13, 0x2a, 0x43] {
            let mut disc = disc(profile, COMPLETE, 0);
            disc.abilities.dvd_mrw = true;
            assert_eq!(plan(&disc, &mrw), Err(Impossible::NoMrw(Profile(profile))));
        }
    }

    #[test]
    fn a_dvd_ram_with_and_without_certification() {
        let offers = [
            (0x00, 2236704, 0x800),
            (0x00, 2295072, 0x800),
            (0x01, 2200000, 0x800),
        ];
        let mut disc = offering(disc(0x12, COMPLETE, 0), &offers);
        disc.capacities.current = Some(Capacity::Formatted(2236704));
        let usual = format(&disc, &USUAL);
        assert_eq!(
            (usual.kind, usual.blocks, usual.parameter),
            (0, 2236704, 0x800)
        );
        assert!(usual.no_certification && usual.complete_list && usual.options_valid);
        let full = format(&disc, &wish(Effort::Full));
        assert!(!full.no_certification && !full.complete_list && full.options_valid);
        let spare = |spare| format(&disc, &Wish { spare, ..USUAL });
        let none = spare(Spare::None);
        assert_eq!(none.blocks, 2295072);
        // A new size is not taken with these.
        assert!(!none.no_certification && !none.complete_list);
        assert_eq!(spare(Spare::Blocks(60000)).blocks, 2236704);
        let more = spare(Spare::Blocks(u32::MAX));
        assert_eq!((more.kind, more.blocks), (1, 2200000));
        assert!(!more.no_certification);
        // What it has is kept, unless something else is wanted.
        disc.capacities.current = Some(Capacity::Formatted(2295072));
        let usual = format(&disc, &USUAL);
        assert_eq!((usual.blocks, usual.complete_list), (2295072, true));
        disc.capacities.current = Some(Capacity::Unformatted(2295072));
        let usual = format(&disc, &USUAL);
        assert_eq!((usual.blocks, usual.complete_list), (2236704, false));
    }

    #[test]
    fn a_bd_re_with_spare_areas() {
        let offers = [
            (0x00, 11826176, 0x800),
            (0x30, 11826176, 12288),
            (0x30, 5796864, 200000),
            (0x30, 12088320, 4096),
            (0x31, 12219392, 0x800),
        ];
        let mut disc = offering(disc(0x43, EMPTY, 0), &offers);
        let of = |disc: &Survey, effort, spare| {
            let wish = Wish {
                effort,
                spare,
                ..USUAL
            };
            let format = format(disc, &wish);
            (format.kind, format.subtype, format.blocks, format.parameter)
        };
        use Effort::{Full, Quick, Usual};
        assert_eq!(of(&disc, Usual, Spare::Default), (0x00, 0, 11826176, 0x800));
        assert_eq!(of(&disc, Full, Spare::Default), (0x30, 0, 11826176, 12288));
        assert_eq!(of(&disc, Usual, Spare::None), (0x31, 1, 12219392, 0x800));
        disc.abilities.quick_certification = true;
        assert_eq!(of(&disc, Full, Spare::Default).1, 3);
        assert_eq!(of(&disc, Usual, Spare::Blocks(1)).1, 3);
        assert_eq!(of(&disc, Quick, Spare::Blocks(1)).1, 0);
        disc.abilities.full_certification = true;
        assert_eq!(of(&disc, Full, Spare::Default).1, 2);
        assert_eq!(of(&disc, Full, Spare::None).1, 2);
        disc.capacities.current = Some(Capacity::Formatted(11826176));
        assert_eq!(of(&disc, Usual, Spare::None).1, 0);
        // Rounded up to 32 MiB, within what the drive has.
        let blocks = |spare| of(&disc, Quick, Spare::Blocks(spare)).2;
        assert_eq!(blocks(20 * SPARE_UNIT - 5), 12219392 - 20 * SPARE_UNIT);
        assert_eq!(blocks(0), 12088320);
        assert_eq!(blocks(u32::MAX), 5796864);
        assert_eq!(of(&disc, Quick, Spare::Blocks(u32::MAX)).3, 200000);
    }

    #[test]
    fn what_is_none_of_these() {
        for profile in [0x08, 0x09, 0x10, 0x11, 0x1b, 0x2b, 0x40, 0x41, 0x00, 0x17] {
            let error = plan(&disc(profile, COMPLETE, 0), &USUAL).unwrap_err();
            assert_eq!(error, Impossible::Profile(Profile(profile)));
            assert!(error.to_string().lines().count() == 1);
        }
        let spare = Wish {
            spare: Spare::None,
            ..USUAL
        };
        assert_eq!(
            plan(&disc(0x1a, EMPTY, 0), &spare),
            Err(Impossible::NoSpare(Profile(0x1a)))
        );
        for profile in [0x12, 0x13, 0x43] {
            assert_eq!(
                plan(&disc(profile, EMPTY, 0), &USUAL),
                Err(Impossible::NotOffered)
            );
        }
    }

    fn any_survey() -> impl Strategy<Value = Survey> {
        let offer = (any::<u8>(), any::<u32>(), any::<u32>());
        (
            prop::sample::select(vec![
                0xau16, 0x12, 0x13, 0x14, 0x1a, 0x2a, 0x43, 0x52, 0xffff, 9,
            ]),
            any::<u8>(),
            any::<u8>(),
            prop::collection::vec(offer, 0..8),
            any::<Option<u32>>(),
            any::<[bool; 5]>(),
        )
            .prop_map(|(profile, states, format, offers, end, able)| {
                let offers: Vec<_> = offers
                    .into_iter()
                    .map(|(kind, blocks, parameter)| (kind % 0x34, blocks, parameter))
                    .collect();
                let mut survey = offering(disc(profile, states, format), &offers);
                survey.last_lead_out = end;
                survey.mrw = able[4];
                survey.abilities = Abilities {
                    full_certification: able[0],
                    quick_certification: able[1],
                    cd_mrw: able[2],
                    dvd_mrw: able[3],
                };
                survey
            })
    }

    proptest! {
        /// Whatever a drive says: nothing is written that it did not offer, a DVD-RW never becomes
        /// one that cannot be written unless that is wanted, and data is kept only by a restart.
        #[test]
        fn any_drive(
            survey in any_survey(),
            effort in prop::sample::select(vec![Effort::Usual, Effort::Full, Effort::Quick]),
            mrw: bool,
            resume: bool,
            spare: Option<u32>,
        ) {
            let spare = spare.map_or(Spare::Default, Spare::Blocks);
            let Ok(plan) = plan(&survey, &Wish { effort, mrw, spare, resume }) else {
                return Ok(());
            };
            for step in &plan.steps {
                let Step::Format(format) = step else {
                    continue;
                };
                prop_assert!(format.kind != 0x15 || effort == Effort::Quick);
                prop_assert_eq!(plan.keeps_data, resume);
                prop_assert_eq!(format.parameter == 1 && plan.background, resume);
                let offered = survey.capacities.offers.iter().any(|offer| offer.kind == format.kind);
                prop_assert!(offered || matches!(format.kind, 0x10 | 0x24 | 0x26));
                let is_cd = matches!(survey.profile.0, 0x0a | 0xffff);
                let goes_on = resume && (survey.mrw || is_cd);
                prop_assert_eq!(format.kind == 0x24, mrw || goes_on);
            }
        }
    }
}
