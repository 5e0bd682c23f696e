//! Reading request bodies under limits of memory and time: a slow one takes no place from those that are here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use privet::{Result, refusal};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::Refusal;

/// Whoever has announced a body and sends nothing of it is not waited for.
const FIRST: Duration = Duration::from_secs(5);
/// Nor for the rest of it: an upload is 17 KB, which a line of 10 kbit/s carries in 14 s.
const WHOLE: Duration = Duration::from_secs(20);
/// What is read of a body that is too long, so that its sender is still there to be told.
const TOLD: usize = 1 << 20;

/// The bodies of a process.
pub(super) struct Bodies {
    /// Of one address that have begun and not ended.
    each: usize,
    /// Bytes that are here, of bodies that are whole and of those that are not.
    memory: Arc<Semaphore>,
    /// Whole bodies that are being answered.
    places: Arc<Semaphore>,
    at_a_time: usize,
    coming: Mutex<HashMap<u128, usize>>,
}

/// A body that is all here, and its place until it is answered.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
}

/// One of an address's bodies that are coming.
struct Coming<'a>(&'a Bodies, u128);

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        let mut coming = self.0.coming.lock().expect("nobody panics with it");
        if let Some(of) = coming.get_mut(&self.1) {
            *of -= 1;
            if *of == 0 {
                coming.remove(&self.1);
            }
        }
    }
}

impl Bodies {
    /// As many of one address as come at a time, as many in all as are answered at a time, and all in so many bytes.
    pub(super) fn new(each: usize, at_a_time: usize, bytes: usize) -> Self {
        let semaphore = |count| Arc::new(Semaphore::new(count));
        Self { each, memory: semaphore(bytes), places: semaphore(at_a_time), at_a_time, coming: Mutex::default() }
    }

    /// A body of at most this many bytes of this address, when all of it is here.
    pub(super) async fn whole(&self, who: Option<u128>, headers: &HeaderMap, body: Body, most: usize) -> Result<Whole> {
        let coming = self.begin(who)?;
        let (bytes, memory) = self.read(headers, body, most).await?;
        drop(coming);
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Refusal::TooManyRequests { limit: self.at_a_time })?;
        Ok(Whole { bytes, _memory: memory, _place: place })
    }

    fn begin(&self, who: Option<u128>) -> Result<Option<Coming<'_>>> {
        let Some(who) = who else { return Ok(None) };
        let mut coming = self.coming.lock().expect("nobody panics with it");
        let of = coming.entry(who).or_default();
        if *of >= self.each {
            return Err(Refusal::TooManyRequests { limit: self.each }.into());
        }
        *of += 1;
        Ok(Some(Coming(self, who)))
    }

    async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        most: usize,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>)> {
        let begun = Instant::now();
        let late = |within: Duration| Refusal::BodyLate { within_s: within.as_secs() as u32 };
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let mut too_long = length.is_some_and(|length| length > most);
        // Its sender waits to be asked for it.
        if too_long && (headers.contains_key(header::EXPECT) || length.is_some_and(|length| length > TOLD)) {
            return Err(refusal::Release::BodyTooLarge { limit: most }.into());
        }
        let (mut bytes, mut discarded) = (Vec::new(), 0);
        let mut memory: Option<OwnedSemaphorePermit> = None;
        loop {
            let within = if bytes.is_empty() && discarded == 0 { FIRST } else { WHOLE };
            let frame = timeout_at(begun + within, body.frame()).await.map_err(|_| late(within))?;
            let Some(frame) = frame else { break };
            // Whoever sent it is gone.
            let Ok(data) = frame.map_err(|_| refusal::Base::WireMalformed)?.into_data() else { continue };
            too_long |= bytes.len() + data.len() > most;
            if too_long {
                discarded += data.len();
                if discarded > TOLD {
                    break;
                }
                continue;
            }
            let here = self.memory.clone().try_acquire_many_owned(data.len() as u32);
            let here = here.map_err(|_| Refusal::TooManyRequests { limit: self.at_a_time })?;
            match &mut memory {
                Some(memory) => memory.merge(here),
                None => memory = Some(here),
            }
            bytes.extend_from_slice(&data);
        }
        if too_long { Err(refusal::Release::BodyTooLarge { limit: most }.into()) } else { Ok((bytes.into(), memory)) }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::channel::Channel;

    use super::*;

    const HERE: Option<u128> = Some(1);

    fn bodies() -> Bodies {
        Bodies::new(2, 1, 20)
    }

    async fn sent(bodies: &Bodies, who: u128, bytes: &'static str) -> Result<Whole> {
        bodies.whole(Some(who), &HeaderMap::new(), Body::from(bytes), 9).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_begin_or_does_not_end_is_not_waited_for() {
        let bodies = bodies();
        let start = Instant::now();
        let (_nothing_is_sent, silent) = Channel::<Bytes>::new(1);
        let read = bodies.whole(HERE, &HeaderMap::new(), Body::new(silent), 9).await;
        assert_eq!(read.map(drop), Err(Refusal::BodyLate { within_s: 5 }.into()));
        assert_eq!(start.elapsed().as_secs(), 5);
        let (mut sender, slow) = Channel::<Bytes>::new(1);
        sender.send_data(Bytes::from("a")).await.expect("there is room");
        let read = bodies.whole(HERE, &HeaderMap::new(), Body::new(slow), 9).await;
        assert_eq!(read.map(drop), Err(Refusal::BodyLate { within_s: 20 }.into()));
        assert_eq!(start.elapsed().as_secs(), 25);
        assert_eq!(sent(&bodies, 1, "nine byte").await.expect("it is all here").bytes, Bytes::from("nine byte"));
        assert_eq!(
            sent(&bodies, 1, "ten bytes!").await.map(drop),
            Err(refusal::Release::BodyTooLarge { limit: 9 }.into())
        );
        assert_eq!(bodies.memory.available_permits(), 20, "and all of it is given back");
        assert!(bodies.coming.lock().expect("no panic").is_empty());
    }

    #[tokio::test]
    async fn slow_bodies_of_one_address_are_that_addresss_own_trouble() {
        let bodies = bodies();
        let slow: Vec<_> = (0..2).map(|_| bodies.begin(HERE).expect("it may have two")).collect();
        assert_eq!(sent(&bodies, 1, "a third").await.map(drop), Err(Refusal::TooManyRequests { limit: 2 }.into()));
        assert_eq!(sent(&bodies, 2, "another").await.map(drop), Ok(()), "no place was taken");
        drop(slow);
        assert_eq!(sent(&bodies, 1, "a third").await.map(drop), Ok(()));
    }

    #[tokio::test]
    async fn what_is_here_is_bounded_in_bytes_and_in_places() {
        let bodies = bodies();
        let first = sent(&bodies, 1, "nine byte").await.expect("a place");
        assert_eq!(sent(&bodies, 2, "nine byte").await.map(drop), Err(Refusal::TooManyRequests { limit: 1 }.into()));
        drop(first);
        let spacious = Bodies::new(2, 9, 10);
        let _first = sent(&spacious, 1, "nine byte").await.expect("room");
        assert_eq!(sent(&spacious, 2, "nine byte").await.map(drop), Err(Refusal::TooManyRequests { limit: 9 }.into()));
    }

    #[tokio::test]
    async fn a_length_that_is_too_much_is_refused_at_once() {
        let bodies = bodies();
        for (name, value, length) in [("expect", "100-continue", "10"), ("x-any", "thing", "1048577")] {
            let mut headers = HeaderMap::new();
            headers.insert("content-length", length.parse().expect("ASCII"));
            headers.insert(name, value.parse().expect("ASCII"));
            let (_nothing_is_sent, silent) = Channel::<Bytes>::new(1);
            let read = bodies.whole(HERE, &headers, Body::new(silent), 9).await;
            assert_eq!(read.map(drop), Err(refusal::Release::BodyTooLarge { limit: 9 }.into()));
        }
    }
}
