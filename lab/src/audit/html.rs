//! One page with what was found: for each claim both worlds' scores with the threshold, and the claim beside its bounds. No script,
//! nothing loaded: it can be kept, and handed on.

use std::fmt::Write;

use super::judge::{Judged, Pair};

/// Of how many bars a histogram is, and how large it is drawn.
const BARS: usize = 60;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;

const STYLE: &str = "
:root { color-scheme: light dark; --a: light-dark(#b3541e, #f2a36b); --b: light-dark(#2b6cb0, #7fb4ea); --ink: light-dark(#222, #ddd) }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
svg { display: block; width: 100%; height: auto; overflow: visible }
.key { font-size: .85rem; margin: .4rem 0 0 }
.a { fill: var(--a); fill-opacity: .35; stroke: var(--a) } .b { fill: var(--b); fill-opacity: .35; stroke: var(--b) }
.cut { stroke: currentColor; stroke-dasharray: 4 3 } .claim { fill: none; stroke: currentColor }
.fails { font-weight: bold }
";

/// The page around these sections.
pub(super) fn page(command: &str, delta: f64, verdict: &str, sections: &[String]) -> String {
    let (command, sections) = (escaped(command), sections.concat());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>privet audit</title>\n<style>{STYLE}</style>\n<h1>privet audit</h1>\n<p><code>{command}</code></p>\n\
         <p>Bounds at 95%, at a delta of {delta:e}. A bound over its claim is a failure; one under it proves nothing but that \
         this attacker found nothing more.</p>\n<p>{verdict}</p>\n{sections}"
    )
}

/// What was found of one claim.
pub(super) fn section(title: &str, pairs: &[Pair], claimed: f64, judged: &Judged, verdict: &str) -> String {
    let class = if verdict.starts_with("FAILS") { " class=\"fails\"" } else { "" };
    format!(
        "<section>\n<h2>{}</h2>\n<p{class}>{}</p>\n{}{}</section>\n",
        escaped(title),
        escaped(verdict),
        histograms(pairs, judged.gaussian.threshold),
        bounds(claimed, judged)
    )
}

/// Both worlds' scores over one another, with the threshold from which on an attacker guesses A.
fn histograms(pairs: &[Pair], threshold: f64) -> String {
    let all = || pairs.iter().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let width = if high > low { high - low } else { 1.0 };
    let counts = [0, 1].map(|world| {
        let mut counts = [0u32; BARS];
        for pair in pairs {
            counts[(((pair[world] - low) / width * BARS as f64) as usize).min(BARS - 1)] += 1;
        }
        counts
    });
    let most = f64::from(counts.iter().flatten().copied().max().unwrap_or(1).max(1));
    let x = |score: f64| (score - low) / width * WIDTH;
    let outline = |counts: &[u32; BARS]| {
        let mut path = format!("M0 {HEIGHT}");
        for (bar, &count) in counts.iter().enumerate() {
            let to = (bar + 1) as f64 / BARS as f64 * WIDTH;
            let top = HEIGHT * (1.0 - f64::from(count) / most);
            write!(path, "V{top:.1}H{to:.1}").expect("a string takes all that is written");
        }
        format!("{path}V{HEIGHT}Z")
    };
    let cut = x(threshold).clamp(0.0, WIDTH);
    let [a, b] = [outline(&counts[0]), outline(&counts[1])];
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>Scores of {} trials in each world, from {low:.2} to {high:.2}; \
         the threshold is {threshold:.2}</title>\n<path class=\"b\" d=\"{b}\"/>\n<path class=\"a\" d=\"{a}\"/>\n\
         <line class=\"cut\" x1=\"{cut:.1}\" x2=\"{cut:.1}\" y1=\"0\" y2=\"{HEIGHT}\"/></svg>\n\
         <p class=\"key\">Scores from {low:.2} to {high:.2}. Orange: the world with the canary; blue: the other; dashed: the threshold, \
         {threshold:.2}.</p>\n",
        pairs.len()
    )
}

/// The claim as a frame, and both bounds as bars under it: words beside the drawing, so that they are as large on a phone.
fn bounds(claimed: f64, judged: &Judged) -> String {
    let (gaussian, plain) = (judged.gaussian.epsilon, judged.plain.epsilon);
    let most = claimed.max(gaussian).max(plain).max(f64::MIN_POSITIVE);
    let bar = |class: &str, name: &str, epsilon: f64| {
        format!(
            "<p class=\"key\">{name}: {epsilon:.3}</p>\n<svg viewBox=\"0 0 {WIDTH} 12\" aria-hidden=\"true\">\
             <rect class=\"{class}\" x=\"1\" y=\"1\" width=\"{:.1}\" height=\"10\"/></svg>\n",
            epsilon / most * (WIDTH - 2.0)
        )
    };
    [
        bar("claim", "claimed", claimed),
        bar("a", "proved, if the noise is Gaussian", gaussian),
        bar("b", "proved, whatever it is", plain),
    ]
    .concat()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::judge::judge, *};

    #[test]
    fn a_page_shows_both_worlds_the_threshold_and_the_claim() {
        let pairs: Vec<Pair> = (0..200).map(|n| [f64::from(n) / 100.0, f64::from(n) / 100.0 - 1.0]).collect();
        let judged = judge(&pairs, 1e-5);
        let section = section("device & <server>", &pairs, 4.0, &judged, "FAILS ε = 4.00");
        let page = page("privet audit <x>", 1e-5, "FAILS in 1 of 1 lines.", &[section]);
        for part in [
            "device &amp; &lt;server&gt;",
            "privet audit &lt;x&gt;",
            "class=\"cut\"",
            "claimed: 4.000",
            "class=\"fails\"",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert_eq!((page.matches("<svg").count(), page.matches("role=\"img\"><title>").count()), (4, 1));
        assert!(!page.contains("NaN") && !page.contains("inf") && !page.contains("<script") && !page.contains("http"));
    }

    #[test]
    fn scores_that_are_all_the_same_can_be_drawn() {
        let pairs = [[1.0; 2]; 40];
        let section = section("t", &pairs, 1.0, &judge(&pairs, 1e-5), "consistent");
        assert!(!section.contains("NaN") && !section.contains("inf"), "{section}");
    }
}
