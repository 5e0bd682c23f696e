//! From where on shaders are quicker than the kernels, natively: a JSON line for every width of the head, examples of a step and
//! number of candidates. The first argument is how many rounds.

#![expect(clippy::print_stdout, reason = "the lines are the purpose")]

use std::time::Instant;

use privet::{
    Attribute, Backend, Dense, Event, Head, Item, Moment, Policy, Ranker, Request, Schema, Trouble,
    gpu::{self, without_end},
    layout,
    order::Rules,
};
use serde_json::json;

/// Features and hidden units: the head of the other measurements, and the widest that there may be with as many features, and
/// with as few as there may be: 4,096 parameters are the most.
const NETS: [(u32, u32); 3] = [(64, 32), (64, 60), (layout::FIXED as u32, 240)];
/// How many attributes the one with many features has; what is left of the features are dense numbers.
const ATTRIBUTES: u16 = 3;
const BATCHES: [u32; 3] = [8, 32, 128];
const CANDIDATES: [u64; 3] = [200, 1000, 10_000];
const EVENTS: u64 = 64;
const STEPS_AT_ONCE: u32 = 64;

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let backend = pollster::block_on(gpu::backend(without_end()));
    let Backend::WebGpu(gpu) = &backend else {
        println!("{}", json!({ "adapter": null, "trouble": backend.trouble().map(Trouble::code) }));
        return;
    };
    println!("{}", json!({ "adapter": gpu.adapter() }));
    // The one device is handed from head to head: to open it anew each time says nothing about its speed.
    let mut backend = backend;
    for net in NETS {
        for batch in BATCHES {
            let head = head(net, batch);
            steps(&head, &mut backend, (net, batch), rounds);
            if batch == BATCHES[0] {
                rerankings(&head, &mut backend, net, rounds);
            }
        }
    }
}

fn steps(head: &[u8], backend: &mut Backend, (net, batch): ((u32, u32), u32), rounds: usize) {
    let own_head = Head::decode(head).expect("a sound head");
    let [mut simd, mut webgpu] = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let [mut ours, mut other] = [ranker(head, net.0), ranker(head, net.0)];
        let (owed, start) = (ours.owed() as f64, Instant::now());
        while ours.train(|| false) {}
        let own = start.elapsed().as_secs_f64() * 1000.0 / owed;
        let (before, start) = (submissions(backend), Instant::now());
        while other.owed() > 0 {
            let lent = other.lend(STEPS_AT_ONCE);
            let tuned =
                pollster::block_on(backend.tune(&own_head, &lent, STEPS_AT_ONCE)).expect("bytes that were lent");
            let tuned = tuned.unwrap_or_else(|| panic!("the GPU was left: {:?}", backend.trouble()));
            other.take_back(tuned.steps, &tuned.state).expect("as many as were owed");
        }
        if round > 0 {
            simd.push(own);
            webgpu.push(start.elapsed().as_secs_f64() * 1000.0 / owed);
            let figure = json!({ "what": "submissions", "steps": owed, "count": submissions(backend) - before });
            if round == rounds && batch == BATCHES[0] {
                println!("{figure}");
            }
        }
    }
    print("step", net, u64::from(batch), simd, webgpu);
}

fn rerankings(head: &[u8], backend: &mut Backend, net: (u32, u32), rounds: usize) {
    let mut ranker = ranker(head, net.0);
    while ranker.train(|| false) {}
    let request = Request { rules: Rules::of(50), ..Request::default() };
    for count in CANDIDATES {
        let candidates: Vec<Item> = (0..count).map(|n| item(5000 + n, net.0)).collect();
        let [mut simd, mut webgpu] = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            let start = Instant::now();
            ranker.rerank(&candidates, Moment::default(), &request, [0; 16]).expect("plain candidates");
            let own = start.elapsed().as_secs_f64() * 1000.0;
            let before = submissions(backend);
            let start = Instant::now();
            let batch = ranker.scoring_batch(&candidates, Moment::default()).expect("plain candidates");
            let seen = pollster::block_on(backend.score(&batch)).expect("a batch").expect("the GPU scores");
            ranker.rerank_scored((&candidates, Moment::default(), &seen), &request, [0; 16]).expect("what was seen");
            if round > 0 {
                simd.push(own);
                webgpu.push(start.elapsed().as_secs_f64() * 1000.0);
            }
            assert_eq!(submissions(backend) - before, 1, "a re-ranking is one submission");
        }
        print("rerank", net, count, simd, webgpu);
    }
}

fn submissions(backend: &Backend) -> u32 {
    let Backend::WebGpu(gpu) = backend else { return 0 };
    gpu.submissions()
}

fn print(what: &str, (features, hidden): (u32, u32), size: u64, simd: Vec<f64>, webgpu: Vec<f64>) {
    let [simd, webgpu] = [simd, webgpu].map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    });
    println!(
        "{}",
        json!({ "what": what, "features": features, "hidden": hidden, "size": size, "simd": simd, "webgpu": webgpu })
    );
}

/// Over embeddings of 64.
fn head((features, hidden): (u32, u32), batch: u32) -> Vec<u8> {
    let (dense, attributes) = columns(features);
    let dense = (0..dense).map(|n| Dense { name: format!("number-{n}"), offset: 0.0, scale: 1.0 }).collect();
    let attributes =
        (0..attributes).map(|n| Attribute { name: format!("attribute-{n}"), rate: 0.03, strength: 20.0 }).collect();
    let schema = Schema { dense, attributes, ..Schema::plain(64) };
    let mut head = Head::starting(schema, hidden, 2.0).expect("a plain schema");
    (head.local.steps, head.local.batch) = (8, batch);
    head.encode()
}

fn ranker(head: &[u8], features: u32) -> Ranker {
    let mut ranker = Ranker::new(None, Policy::at_once(), head).expect("a sound head");
    for n in 0..EVENTS {
        let moment = Moment { ms: n * 1000, offset_min: 0 };
        let event = Event { others: vec![item(2 * n + 1, features)], ..Event::new(1, item(2 * n, features), moment) };
        ranker.record(event).expect("a plain event");
    }
    ranker
}

fn columns(features: u32) -> (u64, u16) {
    let dense = u64::from(features).checked_sub(layout::count(0, ATTRIBUTES.into()) as u64);
    dense.map_or((0, 0), |dense| (dense, ATTRIBUTES))
}

fn item(n: u64, features: u32) -> Item {
    let (dense, attributes) = columns(features);
    let uneven = |i: u64| ((n * 131 + i * 7) as f32 * 0.618_034).fract() - 0.5;
    Item {
        score: uneven(999),
        dense: (0..dense).map(|i| uneven(100 + i)).collect(),
        attributes: (0..attributes).map(|place| (place, n % [20, 31, 3][usize::from(place)])).collect(),
        ..Item::plain(n, (0..64).map(uneven).collect())
    }
}
