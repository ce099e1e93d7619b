use model::*;
use std::io::Read;
fn main() {
    for t in ["1.7976931348623157e308","179769313486231570000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000","1.7976931348623158e308","1.7976931348623159e308","1e-400","0e999","1e308","-1.7976931348623157E+308","0.000017976931348623157e313"] {
        println!("{t} {:?}", serde_json::from_str::<f64>(t).map_err(|e| e.to_string()));
    }
    for f in std::env::args().skip(1) {
        let text = std::fs::read(&f).unwrap();
        let expected = std::path::Path::new(&f).with_file_name("expected.ndjson");
        let mut want = std::collections::BTreeMap::new();
        if let Ok(t) = std::fs::read_to_string(expected) { for l in t.lines() { let v: serde_json::Value = serde_json::from_str(l).unwrap(); if v["topic"]=="cx.dead-letters" { want.insert(v["value"]["line"].as_u64().unwrap() as usize, v["value"]["reason"].as_str().unwrap().to_owned()); } } }
        let records = text.starts_with(b"{\"#records\":true}");
        let (mut ok, mut bad) = (0, 0);
        for (i, line) in text.split(|b| *b == b'\n').enumerate() {
            if line.is_empty() || (records && i == 0) { continue }
            let own; let mut conv = None;
            let v: &[u8] = if records { let r: serde_json::Value = serde_json::from_slice(line).unwrap(); if r["value"].is_null() { continue } conv = r["topic"].as_str().and_then(|t| t.strip_prefix("cx.conversation.").map(str::to_owned)); own = r["value"].as_str().unwrap().to_owned(); own.as_bytes() } else { line };
            let got = decode(v, conv.as_deref(), &Limits::default());
            match (&got, want.get(&(i + 1))) {
                (Ok(_), None) => ok += 1,
                (Err(e), Some(w)) if e.reason.as_str() == w => { bad += 1; if f.contains("dead-l") { println!("{} {e}", i+1) } }
                _ => println!("{f}:{} {:?} want {:?}", i+1, got, want.get(&(i+1))),
            }
        }
        println!("{f} ok {ok} dead {bad}/{}", want.len());
    }
    let _ = std::io::stdin().read(&mut []);
    // speed
    let t = std::fs::read("/work/shared/samples/seed-events.ndjson").unwrap();
    let lines: Vec<_> = t.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();
    let start = std::time::Instant::now(); let mut n = 0; let mut bytes = 0;
    for _ in 0..2000 { for l in &lines { n += 1; bytes += l.len(); std::hint::black_box(decode(l, None, &Limits::default()).is_ok()); } }
    let s = start.elapsed().as_secs_f64();
    println!("{:.0} events/s {:.0} MB/s {:.2} µs", n as f64 / s, bytes as f64 / s / 1e6, s / n as f64 * 1e6);
    let start = std::time::Instant::now(); let mut n = 0; 
    for _ in 0..2000 { for l in &lines { n += 1; std::hint::black_box(serde_json::from_slice::<serde::de::IgnoredAny>(l).is_ok()); } }
    println!("IgnoredAny {:.2} µs", start.elapsed().as_secs_f64() / n as f64 * 1e6);
}
