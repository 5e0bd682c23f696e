//! The two halves put together: what one asks the other for stays in here.

use std::collections::{BTreeMap, VecDeque};

use privet_effects::{Answer, DEVICE, Effect, Id, Moment, Refusal, Result};
use privet_participation::{self as participation, Participation};
use privet_personalisation::{self as personalisation, Personalisation};

use crate::turns::Turns;

/// What a host says.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Somebody asks for something, under a number of the host's that is answered once. It is under 2^31.
    Call(u32, Call),
    /// Whoever made this call waits no more, and why.
    GaveUp(u32, Refusal),
    /// What came of an effect.
    Answer(Id, Result<Answer>),
}

/// What can be asked for, of either half.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// Of the half that remembers and ranks.
    Personalisation(personalisation::Call),
    /// Of the half that contributes.
    Participation(participation::Call),
}

/// What a call comes to.
pub enum Reply {
    /// Of the half that remembers and ranks.
    Personalisation(personalisation::Reply),
    /// Of the half that contributes.
    Participation(participation::Reply),
}

/// What comes out.
pub enum Output {
    /// To be done, and answered under this number.
    Effect(Id, Effect),
    /// The answer to a call.
    Reply(u32, Result<Reply>),
    /// How far a contribution is.
    Progress(u32, participation::Stage),
}

/// A call's number is the client's own from here on.
const OWN: u32 = 1 << 31;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Personalisation,
    Participation,
}

/// Who waits for a turn with the device.
#[derive(Debug, Clone, PartialEq)]
enum Turn {
    /// A half, by the effect that it waits for.
    Of(Half, Id),
    /// A call that changes the profile.
    Call(u32, personalisation::Call),
}

/// What a call of the client's own is for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Own {
    /// It answers this effect of the other half.
    Answers(Half, Id),
    /// What was finished before an erasure is given up, before anything else is asked of the half that contributes.
    MakesUp,
    /// Nobody waits for it.
    Nothing,
}

/// What goes from one to the other.
enum Message {
    ToPersonalisation(personalisation::Input),
    ToParticipation(participation::Input),
}

/// A whole device.
pub struct Client {
    personalisation: Personalisation,
    participation: Participation,
    turns: Turns<Turn>,
    own: BTreeMap<u32, Own>,
    calls: u32,
    messages: VecDeque<Message>,
    /// Calls that wait until what an erasure left is given up.
    after: Vec<(u32, participation::Call)>,
    /// Calls after which the device takes part, if it was agreed to.
    openings: Vec<u32>,
    /// When it began to open, by the running clock.
    since_ms: f64,
}

impl Client {
    /// A device that knows nothing: [`personalisation::Call::Open`] comes first.
    pub fn new(setup: participation::Setup) -> Self {
        let takes_part = setup.leader.is_some();
        let terms = setup.terms.clone();
        Self {
            personalisation: Personalisation::new(personalisation::Setup { terms, takes_part }),
            participation: Participation::new(setup),
            turns: Turns::default(),
            own: BTreeMap::new(),
            calls: OWN,
            messages: VecDeque::new(),
            after: Vec::new(),
            openings: Vec::new(),
            since_ms: 0.0,
        }
    }

    /// The half that remembers and ranks, for what needs no I/O.
    pub fn personalisation(&self) -> &Personalisation {
        &self.personalisation
    }

    /// Learns until nothing is left to learn or `enough` says so; whether there is more. Nothing is learnt while a
    /// contribution is computed.
    pub fn train(&self, enough: impl FnMut() -> bool) -> Result<bool> {
        if self.turns.now().is_some() || !self.personalisation.personalises() {
            return Ok(false);
        }
        self.personalisation.with(|ranker| ranker.train(enough))
    }

    /// What follows from an input, in the order in which it is to be done.
    pub fn handle(&mut self, moment: Moment, input: Input) -> Vec<Output> {
        match input {
            Input::Call(number, call) => self.call(number, call, moment),
            Input::GaveUp(number, refusal) => self.tell_participation(participation::Input::GaveUp(number, refusal)),
            Input::Answer(id, answer) => self.answer(half_of(id), id >> 1, answer),
        }
        let mut outputs = Vec::new();
        while let Some(message) = self.messages.pop_front() {
            match message {
                Message::ToPersonalisation(input) => {
                    for output in self.personalisation.handle(moment, input) {
                        match output {
                            personalisation::Output::Effect(id, effect) => {
                                self.effect(Half::Personalisation, id, effect, &mut outputs);
                            }
                            personalisation::Output::Reply(call, reply) => {
                                self.replied(call, reply.map(Reply::Personalisation), &mut outputs);
                            }
                        }
                    }
                }
                Message::ToParticipation(input) => {
                    for output in self.participation.handle(moment, input) {
                        match output {
                            participation::Output::Effect(id, effect) => {
                                self.effect(Half::Participation, id, effect, &mut outputs);
                            }
                            participation::Output::Reply(call, reply) => {
                                self.replied(call, reply.map(Reply::Participation), &mut outputs);
                            }
                            participation::Output::Progress(call, stage) => {
                                outputs.push(Output::Progress(call, stage));
                            }
                        }
                    }
                }
            }
        }
        outputs
    }

    fn call(&mut self, number: u32, call: Call, moment: Moment) {
        use personalisation::Call::{Consent, Forget, Import, Keep, Open, Record, Shown};
        match call {
            Call::Personalisation(call @ (Record(..) | Shown(..) | Forget(..) | Import(..) | Keep)) => {
                self.in_turn(number, call);
            }
            Call::Personalisation(call) => {
                if matches!(call, Open) {
                    self.since_ms = moment.running_ms;
                }
                if matches!(call, Open | Consent { .. }) {
                    self.openings.push(number);
                }
                self.tell_personalisation(personalisation::Input::Call(number, call));
            }
            Call::Participation(call) if self.personalisation.settings().erased => {
                if self.after.is_empty() {
                    let own = self.own(Own::MakesUp);
                    self.tell_participation(participation::Input::Call(own, participation::Call::GiveUp));
                }
                self.after.push((number, call));
            }
            Call::Participation(call) => self.tell_participation(participation::Input::Call(number, call)),
        }
    }

    fn own(&mut self, own: Own) -> u32 {
        self.calls += 1;
        self.own.insert(self.calls, own);
        self.calls
    }

    fn tell_personalisation(&mut self, input: personalisation::Input) {
        self.messages.push_back(Message::ToPersonalisation(input));
    }

    fn tell_participation(&mut self, input: participation::Input) {
        self.messages.push_back(Message::ToParticipation(input));
    }

    fn answer(&mut self, half: Half, id: Id, answer: Result<Answer>) {
        match half {
            Half::Personalisation => self.tell_personalisation(personalisation::Input::Answer(id, answer)),
            Half::Participation => self.tell_participation(participation::Input::Answer(id, answer)),
        }
    }

    /// A call that changes the profile is handed over when nobody else has the device, and holds it no longer than that.
    fn in_turn(&mut self, number: u32, call: personalisation::Call) {
        if self.turns.wait(Turn::Call(number, call)) {
            self.grant();
        }
    }

    /// Whose turn it is hears of it.
    fn grant(&mut self) {
        while let Some(turn) = self.turns.now().cloned() {
            match &turn {
                Turn::Of(half, id) => return self.answer(*half, *id, Ok(Answer::Done)),
                Turn::Call(number, call) => {
                    self.tell_personalisation(personalisation::Input::Call(*number, call.clone()));
                    self.turns.leave(&turn);
                }
            }
        }
    }

    fn leave(&mut self, half: Half, id: Id) -> bool {
        let turn = Turn::Of(half, id);
        let is_ours = self.turns.is_known(&turn);
        if self.turns.leave(&turn) {
            self.grant();
        }
        is_ours
    }

    fn effect(&mut self, half: Half, id: Id, effect: Effect, outputs: &mut Vec<Output>) {
        match effect {
            Effect::Lock(DEVICE) => {
                if self.turns.wait(Turn::Of(half, id)) {
                    self.grant();
                }
            }
            Effect::Unlock(of) if self.leave(half, of) => {}
            Effect::Cancel(of) if self.leave(half, of) => {}
            Effect::Unlock(of) => outputs.push(Output::Effect(outer(half, id), Effect::Unlock(outer(half, of)))),
            Effect::Cancel(of) => outputs.push(Output::Effect(outer(half, id), Effect::Cancel(outer(half, of)))),
            Effect::NewExamples => {
                let bytes = self.personalisation.with(|ranker| ranker.new_examples().encode());
                self.answer(half, id, bytes.map(|bytes| Answer::Bytes(Some(bytes))));
            }
            Effect::Contributed => {
                let done = self.personalisation.with(|ranker| {
                    ranker.contributed();
                    Answer::Done
                });
                self.answer(half, id, done);
            }
            Effect::KeepProfile => {
                let own = self.own(Own::Answers(half, id));
                self.in_turn(own, personalisation::Call::Keep);
            }
            Effect::Refresh => {
                let own = self.own(Own::Answers(half, id));
                self.tell_personalisation(personalisation::Input::Call(own, personalisation::Call::Refresh));
            }
            Effect::GiveUp => {
                let own = self.own(Own::Answers(half, id));
                self.tell_participation(participation::Input::Call(own, participation::Call::GiveUp));
            }
            Effect::Published => {
                let published = self.personalisation.published();
                let (round, head) = (published.round.clone(), published.head.clone());
                self.tell_participation(participation::Input::Published { round, head });
            }
            Effect::Chosen(choice) => self.tell_participation(participation::Input::Chosen(choice)),
            Effect::Forgotten => self.tell_participation(participation::Input::Forgotten),
            other => outputs.push(Output::Effect(outer(half, id), other)),
        }
    }

    fn replied(&mut self, call: u32, reply: Result<Reply>, outputs: &mut Vec<Output>) {
        if call > OWN {
            return match self.own.remove(&call) {
                Some(Own::Answers(half, id)) => self.answer(half, id, reply.map(|_| Answer::Done)),
                Some(Own::MakesUp) => self.made_up(reply.err(), outputs),
                Some(Own::Nothing) | None => {}
            };
        }
        let opened = self.openings.iter().position(|opening| *opening == call);
        if let Some(place) = opened {
            self.openings.swap_remove(place);
            if reply.is_ok() && self.personalisation.allow().is_ok() {
                let (own, since_ms) = (self.own(Own::Nothing), self.since_ms);
                let session = participation::Call::Session { since_ms };
                self.tell_participation(participation::Input::Call(own, session));
            }
        }
        outputs.push(Output::Reply(call, reply));
    }

    /// What an erasure left is given up, or nothing is asked of the half that contributes.
    fn made_up(&mut self, refusal: Option<Refusal>, outputs: &mut Vec<Output>) {
        let waited = std::mem::take(&mut self.after);
        if let Some(refusal) = refusal {
            outputs.extend(waited.into_iter().map(|(call, _)| Output::Reply(call, Err(refusal.clone()))));
            return;
        }
        let own = self.own(Own::Nothing);
        self.tell_personalisation(personalisation::Input::Call(own, personalisation::Call::GivenUp));
        for (number, call) in waited {
            self.tell_participation(participation::Input::Call(number, call));
        }
    }
}

/// Effects of both halves have numbers of their own; outside they are told apart by the last bit.
fn outer(half: Half, id: Id) -> Id {
    id << 1 | Id::from(half == Half::Participation)
}

fn half_of(id: Id) -> Half {
    if id & 1 == 1 { Half::Participation } else { Half::Personalisation }
}
