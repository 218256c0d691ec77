//! The limits of an exploration, and what the environment says of them.

use std::env;
use std::time::Duration;

use crate::runtime::choices::chooser::{Limits, Order};

/// How far an exploration goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// The highest bound on delays; `None` goes on to all orders.
    pub(super) delays: Option<u32>,
    /// The other limits of one run; its delays are not read.
    pub(super) limits: Limits,
    pub(super) runs: u64,
    pub(super) time: Duration,
    /// Choices in one run.
    pub(super) choices: usize,
    pub(super) order: Order,
}

impl Reach {
    pub(super) const DEFAULT: Reach = Reach {
        delays: None,
        limits: Limits::NONE,
        runs: 200_000,
        time: Duration::from_secs(1),
        choices: 10_000,
        order: Order::Any,
    };

    /// Sets a limit by its name.
    ///
    /// # Errors
    ///
    /// The known names, or what the value has to be, as a sentence.
    pub(super) fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        let small = u32::try_from(value).map_err(|_| format!("`{name}` is at most {}", u32::MAX));
        let positive = || {
            let cure = format!("`{name}` of zero explores nothing; leave it out or raise it");
            (value > 0).then_some(value).ok_or(cure)
        };
        match name {
            "delays" => self.delays = Some(small?),
            "cancels" => self.limits = self.limits.with_cancels(small?),
            "stalls" => self.limits = self.limits.with_stalls(small?),
            "faults" => self.limits = self.limits.with_faults(small?),
            "runs" => self.runs = positive()?,
            "seconds" => self.time = Duration::from_secs(positive()?),
            "choices" => self.choices = usize::try_from(positive()?).unwrap_or(usize::MAX),
            _ => {
                return Err(format!(
                    "unknown limit `{name}`; known are delays, cancels, stalls, faults, runs, seconds and choices"
                ));
            }
        }
        Ok(())
    }

    /// Sets the limits that `TURNWISE_EXPLORE` names, as in `delays=4,seconds=600`.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub(super) fn raise_from_environment(&mut self) {
        let Some(text) = read("TURNWISE_EXPLORE") else {
            return;
        };
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let set = part.split_once('=').and_then(|(name, value)| {
                let value = value.trim().parse().ok()?;
                Some(self.set(name.trim(), value))
            });
            let set = set.unwrap_or_else(|| Err(format!("`{part}` is not `limit=number`")));
            if let Err(error) = set {
                panic!(
                    "TURNWISE_EXPLORE: {error}; write for example TURNWISE_EXPLORE=delays=4,seconds=600"
                );
            }
        }
    }
}

/// The seed that `TURNWISE_SEED` gives.
///
/// # Panics
///
/// When it is not a number.
pub(super) fn seed() -> Option<u64> {
    let text = read("TURNWISE_SEED")?;
    let seed = text.trim().parse();
    Some(seed.unwrap_or_else(|_| {
        panic!(
            "TURNWISE_SEED: `{text}` is not a number; give one from 0 to {}",
            u64::MAX
        )
    }))
}

/// The token that `TURNWISE_REPLAY` gives for the test of this name, if it is for that test.
pub(super) fn replay_of(name: &str) -> Option<String> {
    let text = read("TURNWISE_REPLAY")?;
    let (test, token) = text.split_once('@').unwrap_or_else(|| {
        panic!("TURNWISE_REPLAY: `{text}` is not `name@token`; copy it as the failure printed it")
    });
    (test == name).then(|| token.to_owned())
}

fn read(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
