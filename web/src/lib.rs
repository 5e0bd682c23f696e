//! The bindings between the core and JavaScript: types change here, and nothing is decided.
//!
//! Numbers, strings and typed arrays cross this line, and a few handles: a [`Ranker`] in the module that ranks,
//! [`Participation`] and [`Shaders`] in the one that releases. A gradient does in a preview alone, for the eyes of the person
//! whose data it is.

#[cfg(feature = "rank")]
mod items;
#[cfg(feature = "release")]
mod participation;
#[cfg(feature = "rank")]
mod rank;
#[cfg(feature = "release")]
mod release;

use privet::{Error, Pins, Policy};
use wasm_bindgen::prelude::*;

#[cfg(feature = "rank")]
pub use items::{Items, Slate, key};
#[cfg(feature = "release")]
pub use participation::{ContributionHost, Participation, Tuned};
#[cfg(feature = "rank")]
pub use rank::{Ranker, Round};
#[cfg(feature = "release")]
pub use release::{Shaders, epsilon, inspect, open_shaders};

/// A quarter of what std's own weighs.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What the application fixes, and no server can change: the task, the pinned keys, and the device's policy.
#[wasm_bindgen]
pub struct Terms {
    terms: privet::Terms,
}

#[wasm_bindgen]
impl Terms {
    /// Keys are 32 bytes; any other length is a key that nobody can have signed with. `limits` are pairs: which limit of
    /// the policy, by its place in the package's list of them, and its value. What is left out is the default's.
    #[wasm_bindgen(constructor)]
    pub fn new(task: String, leader: &[u8], helper: Option<Vec<u8>>, limits: &[f64]) -> Self {
        let key = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
        let pins = Pins { leader: key(leader), helper: helper.map(|bytes| key(&bytes)) };
        let mut policy = Policy::default();
        for &[limit, value] in limits.as_chunks().0 {
            set(&mut policy, limit as u32, value);
        }
        Self { terms: privet::Terms { task, pins, policy } }
    }
}

/// `LIMITS` in `worker/terms.ts` has the same order.
fn set(policy: &mut Policy, limit: u32, value: f64) {
    match limit {
        0 => policy.lifetime = Policy::limit(value),
        1 => policy.per_round = Policy::limit(value),
        2 => policy.alone = Some(Policy::limit(value)),
        3 => policy.min_cohort = least(value),
        4 => policy.max_cohort = value as u32,
        5 => policy.dimension = value as u32,
        6 => policy.delta = value,
        7 => policy.noise_multiplier = value,
        // A bit for rounds that have this device add all of the noise, and one for those that split it.
        8 => (policy.device, policy.split) = (value as u32 & 1 != 0, value as u32 & 2 != 0),
        9 => policy.wait_ms = span(value),
        10 => policy.sessions = least(value),
        11 => policy.interval_ms = span(value),
        12 => policy.interleave_every = value as u32,
        13 => policy.part_multiplier = value,
        14 => policy.alone_per_round = Policy::limit(value),
        15 => policy.deadline_ms = whole(value),
        // A limit of a later package: it is no limit here, and so nothing is allowed.
        _ => (policy.device, policy.split) = (false, false),
    }
}

/// JavaScript's milliseconds are a double. One that is negative or no number is 0: a clock at its beginning.
fn whole(ms: f64) -> u64 {
    ms as u64
}

/// A span to wait for that an application wrote: what is no number never ends.
fn span(ms: f64) -> u64 {
    if ms.is_nan() { u64::MAX } else { ms as u64 }
}

/// A least number that an application wrote: what is no number is never reached.
fn least(value: f64) -> u32 {
    if value.is_nan() { u32::MAX } else { value.ceil() as u32 }
}

#[wasm_bindgen]
extern "C" {
    /// By name, as a page, a worker and Node have it alike: to look for the global object takes more code than this.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;

    #[wasm_bindgen(js_name = Error)]
    type CodedError;
    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> CodedError;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &CodedError, code: &str);
}

/// A real JavaScript `Error` with the stable `code`.
fn js_error(error: Error) -> JsValue {
    let js = CodedError::new(&error.to_string());
    js.set_code(error.code());
    js.into()
}

#[cfg(test)]
mod tests {
    use privet::NanoRho;

    use super::*;

    fn with(limit: u32, value: f64) -> Policy {
        let mut policy = Policy::default();
        set(&mut policy, limit, value);
        policy
    }

    /// `LIMITS` in `worker/terms.ts`: a name's place there is the number that [`set`] knows it by.
    fn names() -> Vec<&'static str> {
        let (_, list) = include_str!("../../worker/terms.ts").split_once("const LIMITS = [").expect("the list");
        let (list, _) = list.split_once(']').expect("its end");
        list.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn each_limit_is_set_by_the_name_that_the_package_gives_it() {
        let wanted = |name: &str| {
            let (mut policy, rho) = (Policy::default(), NanoRho(5_000_000_000));
            match name {
                "lifetimeRho" => policy.lifetime = rho,
                "rhoPerRound" => policy.per_round = rho,
                "rhoAlone" => policy.alone = Some(rho),
                "rhoAlonePerRound" => policy.alone_per_round = rho,
                "minCohort" => policy.min_cohort = 5,
                "maxCohort" => policy.max_cohort = 5,
                "maxDimension" => policy.dimension = 5,
                "maxDelta" => policy.delta = 5.0,
                "minNoiseMultiplier" => policy.noise_multiplier = 5.0,
                "minPartMultiplier" => policy.part_multiplier = 5.0,
                // The lowest bit and the third.
                "modes" => policy.split = false,
                "waitMs" => policy.wait_ms = 5,
                "sessions" => policy.sessions = 5,
                "intervalMs" => policy.interval_ms = 5,
                "deadlineMs" => policy.deadline_ms = 5,
                "interleaveEvery" => policy.interleave_every = 5,
                other => panic!("{other} is no limit that this test knows"),
            }
            assert_ne!(policy, Policy::default(), "{name}");
            policy
        };
        let names = names();
        assert_eq!(names.len(), 16);
        for (name, place) in names.iter().zip(0..) {
            assert_eq!(with(place, 5.0), wanted(name), "{name}");
        }
        let later = with(names.len() as u32, 5.0);
        assert_eq!((later.device, later.split), (false, false), "what is no limit here allows nothing");
    }

    #[test]
    fn a_limit_that_is_no_number_is_as_tight_as_it_can_be() {
        let odd = |name: &str| {
            let place = names().iter().position(|known| *known == name).expect("it is a limit");
            with(place as u32, f64::NAN)
        };
        for (name, is) in [
            ("lifetimeRho", odd("lifetimeRho").lifetime.0),
            ("rhoPerRound", odd("rhoPerRound").per_round.0),
            ("rhoAlonePerRound", odd("rhoAlonePerRound").alone_per_round.0),
            ("maxCohort", odd("maxCohort").max_cohort.into()),
            ("maxDimension", odd("maxDimension").dimension.into()),
            ("deadlineMs", odd("deadlineMs").deadline_ms),
        ] {
            assert_eq!(is, 0, "{name}");
        }
        assert_eq!(odd("rhoAlone").alone, Some(NanoRho(0)));
        assert_eq!((odd("minCohort").min_cohort, odd("sessions").sessions), (u32::MAX, u32::MAX));
        assert_eq!((odd("waitMs").wait_ms, odd("intervalMs").interval_ms), (u64::MAX, u64::MAX));
        assert!(odd("maxDelta").delta.is_nan() && odd("minNoiseMultiplier").noise_multiplier.is_nan());
        let modes = odd("modes");
        assert_eq!((modes.device, modes.split), (false, false));
        assert_eq!(with(3, 99.5).min_cohort, 100, "a least number is rounded upwards");
    }
}
