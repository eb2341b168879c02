//! Counters of names. Without names all of them are zero.

use super::Labels;
use metaserve::names::{Answer, Block, Names, OrderEnd, Refusal};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What is counted of names.
#[derive(Default)]
pub(crate) struct Claims {
    held: Gauge,
    watches: Gauge,
    offers: Gauge,
    waiting: Gauge,
    starting: Gauge,
    answers: Family<Labels<1>, Counter>,
    refused: Family<Labels<1>, Counter>,
    orders: Family<Labels<1>, Counter>,
    reserved: Counter,
    can_reserve: Gauge,
}

/// Each kind of answer.
const ANSWERS: [&str; 12] = [
    "granted",
    "held",
    "lost",
    "found",
    "absent",
    "unavailable",
    "refused",
    "up",
    "down",
    "current",
    "reset",
    "order",
];

impl Claims {
    pub(super) fn register(&self, registry: &mut Registry) {
        macro_rules! register {
            ($($name:literal $help:literal $metric:ident;)*) => {
                $(registry.register($name, $help, self.$metric.clone());)*
            };
        }
        register! {
            "names_claims" "Names that are held" held;
            "names_watches" "Watches of names" watches;
            "names_offers" "Offers to start names" offers;
            "names_waiting" "Requests that wait for a name to be started" waiting;
            "names_starting" "Names that are being started" starting;
            "names_answers" "Answers about names, by kind" answers;
            "names_refused" "Refused requests about names, by reason" refused;
            "names_orders" "Orders to start a name that have ended, by outcome" orders;
            "names_epochs_reserved" "Epochs reserved in the file" reserved;
            "names_can_reserve" "Whether the last attempt to reserve epochs has succeeded" can_reserve;
        }
    }

    /// Creates each series with the value zero.
    pub(super) fn begin(&self) {
        for answer in ANSWERS {
            drop(self.answers.get_or_create(&[("answer", answer)]));
        }
        for refusal in Refusal::KNOWN {
            drop(self.refused.get_or_create(&[("reason", refusal.name())]));
        }
        for end in OrderEnd::ALL {
            drop(self.orders.get_or_create(&[("outcome", end.name())]));
        }
    }

    /// Notes how many there are of everything.
    pub(crate) fn see(&self, names: &Names) {
        let set = |gauge: &Gauge, count: usize| {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        let totals = names.totals();
        set(&self.held, totals.claims);
        set(&self.watches, totals.watches);
        set(&self.offers, totals.offers);
        set(&self.waiting, totals.waiting);
        set(&self.starting, names.starting());
    }

    /// Counts an answer that was passed on to its peer.
    pub(crate) fn answered(&self, answer: &Answer) {
        let labels = [("answer", kind(answer))];
        self.answers.get_or_create(&labels).inc();
        if let Answer::Refused { refusal, .. } = answer {
            let labels = [("reason", refusal.name())];
            self.refused.get_or_create(&labels).inc();
        }
    }

    pub(crate) fn order_ended(&self, end: OrderEnd) {
        let labels = [("outcome", end.name())];
        self.orders.get_or_create(&labels).inc();
    }

    /// Counts a block that was reserved; none if that has failed.
    pub(crate) fn reserved(&self, block: Option<&Block>) {
        self.can_reserve.set(block.is_some().into());
        if let Some(block) = block {
            self.reserved.inc_by(block.below - block.from);
        }
    }
}

const fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Granted { .. } => "granted",
        Answer::Held { .. } => "held",
        Answer::Lost { .. } => "lost",
        Answer::Found { .. } => "found",
        Answer::Absent { .. } => "absent",
        Answer::Unavailable { .. } => "unavailable",
        Answer::Refused { .. } => "refused",
        Answer::Up { .. } => "up",
        Answer::Down { .. } => "down",
        Answer::Current { .. } => "current",
        Answer::Reset { .. } => "reset",
        Answer::Order { .. } => "order",
    }
}
