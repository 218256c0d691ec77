//! The chart of times: a line per row, a dot per peer, ours at one.

use turnwise_benches::ROWS;
use turnwise_benches::results::Figures;

use crate::svg::{Axis, FAMILIES, Family, OURS, Svg};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 112.0;
const STEP: f64 = 23.0;
const LEAST: f64 = 0.2;
const MOST: f64 = 50.0;

/// The fastest of a family in a row.
pub fn of(family: &Family, figures: &Figures, row: &str) -> Option<f64> {
    let all = family
        .peers
        .iter()
        .filter_map(|peer| figures.get(row, peer));
    all.min_by(f64::total_cmp)
}

pub fn draw(times: &Figures) -> String {
    let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    let rows: Vec<&str> = rows
        .into_iter()
        .filter(|row| times.get(row, OURS).is_some())
        .collect();
    let bottom = TOP + STEP * rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 40.0);
    let axis = Axis {
        values: [LEAST, MOST],
        pixels: [LEFT, WIDTH - RIGHT],
    };
    let one = axis.place(1.0);
    svg.text(
        "title",
        "start",
        [20.0, 30.0],
        "Time per operation, as a multiple of turnwise's",
    );
    let note = "right of the green line: slower than turnwise; each dot is a peer; logarithmic";
    svg.text("soft", "start", [20.0, 48.0], note);
    legend(&mut svg);
    svg.rectangle(
        "win",
        [one, TOP - 6.0],
        [WIDTH - RIGHT - one, bottom - TOP + 6.0],
    );
    for tick in [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0] {
        let x = axis.place(tick);
        let class = if tick == 1.0 { "one" } else { "grid" };
        svg.line(class, [x, TOP - 6.0], [x, bottom]);
        let last = if tick == MOST { "≥ " } else { "" };
        svg.text(
            "soft",
            "middle",
            [x, bottom + 16.0],
            &format!("{last}{tick}×"),
        );
    }
    for (n, row) in rows.iter().enumerate() {
        let y = TOP + STEP * (n as f64 + 0.5);
        let ours = times
            .get(row, OURS)
            .expect("rows without ours are left out");
        svg.text("", "end", [LEFT - 12.0, y + 4.0], row);
        let found = FAMILIES
            .iter()
            .filter_map(|family| Some((family, of(family, times, row)? / ours)));
        let found: Vec<_> = found.collect();
        let reach = found
            .iter()
            .map(|(_, ratio)| axis.place(*ratio))
            .fold(one, f64::max);
        svg.line("reach", [one, y], [reach, y]);
        for (family, ratio) in found.iter().rev() {
            let title = format!(
                "{}: {ratio:.2} × turnwise, {:.1} ns",
                family.name,
                ratio * ours
            );
            svg.dot(family.class, [axis.place(*ratio), y], 5.0, &title);
        }
    }
    svg.finish("Time per operation of turnwise and its peers")
}

fn legend(svg: &mut Svg) {
    let mut x = 20.0;
    svg.line("one", [x + 2.0, 62.0], [x + 2.0, 76.0]);
    svg.text("strong", "start", [x + 10.0, 74.0], OURS);
    x += 84.0;
    for family in &FAMILIES {
        svg.dot(family.class, [x, 70.0], 5.0, family.name);
        svg.text("", "start", [x + 9.0, 74.0], family.name);
        x += 26.0 + 6.3 * family.name.len() as f64;
    }
}
