//! Figures as a markdown table.

use crate::cases;
use crate::results::Figures;

/// Rows by peers, the best peer in bold, and our ratios to it and to the limit.
pub fn table(title: &str, rows: &[&str], figures: &Figures) -> String {
    let known: Vec<&str> = cases().iter().map(|case| case.peer).collect();
    let mut peers = figures.peers();
    peers.sort_by_key(|peer| known.iter().position(|known| known == peer));
    peers.sort_by_key(|peer| *peer == "limit");
    let mut text = format!(
        "| {title} | {} | to best peer | to limit |\n",
        peers.join(" | ")
    );
    text += &format!("|{}\n", " --- |".repeat(peers.len() + 3));
    for row in rows {
        let best = figures.best_peer(row);
        let cells: Vec<String> = peers
            .iter()
            .map(|peer| match figures.get(row, peer) {
                None => "–".to_owned(),
                Some(value) if best == Some((*peer, value)) => format!("**{}**", number(value)),
                Some(value) => number(value),
            })
            .collect();
        let ours = figures.get(row, "turnwise");
        text += &format!(
            "| {row} | {} | {} | {} |\n",
            cells.join(" | "),
            ratio(ours, best.map(|(_, value)| value)),
            ratio(ours, figures.get(row, "limit")),
        );
    }
    text
}

/// With three digits, or one after the point.
pub fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 20.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

pub fn ratio(ours: Option<f64>, other: Option<f64>) -> String {
    match (ours, other) {
        (Some(ours), Some(other)) if other > 0.0 => format!("{:.2}", ours / other),
        _ => "–".to_owned(),
    }
}
