//! The log of what was sent: every byte of every upload, and what it was answered.

use privet_effects::Result;

use crate::{
    member::Member,
    records::{Sending, read, stored},
};

/// How many sendings are remembered: more than a year's at one a week.
const MOST: usize = 64;

impl Member {
    /// Written before anything leaves; the key to write the answer under.
    pub(crate) async fn log_sending(&self, sending: &Sending) -> Result<String> {
        let prefix = self.key("sent/");
        let keys = self.host.keys(prefix.clone()).await?;
        let last = keys.last().and_then(|key| key[prefix.len()..].parse::<u64>().ok());
        let key = format!("{prefix}{:012}", last.map_or(0, |last| last + 1));
        let oldest = keys.iter().take((keys.len() + 1).saturating_sub(MOST));
        let mut changes = vec![stored(key.clone(), sending)];
        changes.extend(oldest.map(|key| (key.clone(), None)));
        self.host.write(changes, false).await?;
        Ok(key)
    }

    /// With its answer.
    pub(crate) async fn log_answer(&self, key: String, sending: &Sending) -> Result<()> {
        self.host.write(vec![stored(key, sending)], false).await
    }

    /// The latest last.
    pub(crate) async fn sendings(&self) -> Result<Vec<Sending>> {
        let mut all = Vec::new();
        for key in self.host.keys(self.key("sent/")).await? {
            all.extend(read(self.host.read(key).await?));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        records::Answered,
        testing::{Bench, code},
    };
    use privet_effects::Refusal;

    fn sending(round: u32) -> Sending {
        let (url, task, id) = ("https://leader.example/".to_owned(), "task".to_owned(), "00ff".to_owned());
        Sending { time: 1000, url, task, round, id, bytes: vec![1, 2], token: false, signed: None, answer: None }
    }

    fn log(bench: &mut Bench, round: u32) -> Result<String> {
        bench.run(move |member| async move { member.log_sending(&sending(round)).await })
    }

    fn rounds(bench: &mut Bench) -> Vec<(u32, Option<u32>)> {
        let all = bench.run(|member| async move { member.sendings().await }).expect("it is read");
        all.into_iter().map(|it| (it.round, it.answer.map(|answer| answer.status))).collect()
    }

    #[test]
    fn a_sending_is_written_before_it_leaves_and_its_answer_is_written_to_it() {
        let mut bench = Bench::new(|_| ());
        let first = log(&mut bench, 1).expect("there is room");
        log(&mut bench, 2).expect("there is room");
        assert_eq!(rounds(&mut bench), [(1, None), (2, None)]);
        let answer = Some(Answered { status: 200, code: None, progress: Some((3, 100)) });
        let answered = Sending { answer, ..sending(1) };
        bench.run(move |member| async move { member.log_answer(first, &answered).await }).expect("there is room");
        assert_eq!(rounds(&mut bench), [(1, Some(200)), (2, None)], "in the order of sending");
    }

    #[test]
    fn the_latest_64_are_kept_and_their_numbers_go_on() {
        let mut bench = Bench::new(|_| ());
        let keys: Vec<String> = (0..70).map(|round| log(&mut bench, round).expect("there is room")).collect();
        assert!(keys.is_sorted() && keys[69] == "task/sent/000000000069");
        let kept: Vec<u32> = rounds(&mut bench).into_iter().map(|(round, _)| round).collect();
        assert_eq!(kept, (6..70).collect::<Vec<_>>());
    }

    #[test]
    fn where_it_cannot_be_written_nothing_may_leave_and_what_was_there_stays() {
        let mut bench = Bench::new(|_| ());
        log(&mut bench, 1).expect("there is room");
        bench.memory.fails = Some(Refusal::new("storage-full", "there is no room"));
        assert_eq!(code(log(&mut bench, 2)).as_deref(), Some("storage-full"));
        assert_eq!(rounds(&mut bench), [(1, None)]);
    }
}
