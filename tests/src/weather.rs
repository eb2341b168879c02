//! Simulates a network's losses and delays where the kernel cannot. Deterministic by seed.

use std::time::Duration;

/// The treatment of packets in transit.
#[derive(Clone, Debug)]
pub struct Weather {
    random: fastrand::Rng,
    /// The percentage of lost packets.
    pub loss: u8,
    /// The shortest delay.
    pub delay: Duration,
    /// The most that is added to the delay, evenly distributed.
    pub jitter: Duration,
    /// The percentage of packets that are delayed by another tenth of a second, so that later ones
    /// overtake them.
    pub reordered: u8,
    /// The percentage of packets that arrive twice.
    pub duplicated: u8,
}

impl Weather {
    /// The additional delay of a packet that is overtaken.
    const OVERTAKEN: Duration = Duration::from_millis(100);

    /// No losses or delays; change its fields.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            loss: 0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reordered: 0,
            duplicated: 0,
        }
    }

    /// When the copies of the next packet arrive, after it is sent: none if it is lost.
    pub fn arrivals(&mut self) -> Vec<Duration> {
        if self.happens(self.loss) {
            return Vec::new();
        }
        let copies = 1 + usize::from(self.happens(self.duplicated));
        let arrival = |_| {
            let late = match self.happens(self.reordered) {
                true => Self::OVERTAKEN,
                false => Duration::ZERO,
            };
            self.delay + self.jitter.mul_f64(self.random.f64()) + late
        };
        (0..copies).map(arrival).collect()
    }

    fn happens(&mut self, of_a_hundred: u8) -> bool {
        self.random.u8(0..100) < of_a_hundred
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weather_has_the_given_rates_and_repeats_for_the_same_seed() {
        let mut weather = Weather::new(7);
        weather.loss = 20;
        weather.duplicated = 10;
        weather.delay = Duration::from_millis(200);
        weather.jitter = Duration::from_millis(50);
        let mut again = weather.clone();
        let arrivals: Vec<_> = (0..10_000).map(|_| weather.arrivals()).collect();
        assert!((0..10_000).all(|packet| again.arrivals() == arrivals[packet]));
        let share = |copies| arrivals.iter().filter(|it| it.len() == copies).count();
        assert!((1_800..2_200).contains(&share(0)), "{}", share(0));
        assert!((700..900).contains(&share(2)), "{}", share(2));
        let expected = weather.delay..weather.delay + weather.jitter;
        assert!(arrivals.iter().flatten().all(|it| expected.contains(it)));
    }
}
