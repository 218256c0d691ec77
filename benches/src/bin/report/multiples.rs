//! The chart of scaling: a panel per series, a line per peer.

use turnwise_benches::results::Figures;
use turnwise_benches::scaling::SERIES;

use crate::svg::{Axis, FAMILIES, OURS, Svg};

const WIDTH: f64 = 860.0;
const PANEL: [f64; 2] = [232.0, 170.0];
const LEFT: f64 = 52.0;
const TOP: f64 = 104.0;
const GAP: [f64; 2] = [46.0, 62.0];

pub fn draw(scaling: &Figures) -> String {
    let mut svg = Svg::new(WIDTH, TOP + 3.0 * PANEL[1] + 2.0 * GAP[1] + 40.0);
    svg.text(
        "title",
        "start",
        [20.0, 30.0],
        "ns per operation, from one to a million",
    );
    let note =
        "both axes logarithmic; a flat line is a cost that does not depend on how many there are";
    svg.text("soft", "start", [20.0, 48.0], note);
    legend(&mut svg, scaling);
    for (n, series) in SERIES.iter().enumerate() {
        let x = LEFT + (n % 3) as f64 * (PANEL[0] + GAP[0]);
        let y = TOP + (n / 3) as f64 * (PANEL[1] + GAP[1]);
        panel(&mut svg, scaling, series, [x, y]);
    }
    svg.finish("Cost per operation of turnwise and its peers from one to a million")
}

fn panel(svg: &mut Svg, scaling: &Figures, series: &str, [left, top]: [f64; 2]) {
    let across = Axis {
        values: [1.0, 1e6],
        pixels: [left, left + PANEL[0]],
    };
    let up = Axis {
        values: [5.0, 5000.0],
        pixels: [top + PANEL[1], top],
    };
    svg.text("", "start", [left, top - 8.0], series);
    for tick in [10.0, 100.0, 1000.0] {
        let y = up.place(tick);
        svg.line("grid", [left, y], [left + PANEL[0], y]);
        svg.text("soft", "end", [left - 6.0, y + 4.0], &format!("{tick}"));
    }
    for (n, name) in [(1.0, "1"), (1e3, "1000"), (1e6, "1 M")] {
        svg.text(
            "soft",
            "middle",
            [across.place(n), top + PANEL[1] + 15.0],
            name,
        );
    }
    svg.line(
        "grid",
        [left, top + PANEL[1]],
        [left + PANEL[0], top + PANEL[1]],
    );
    let families = FAMILIES
        .iter()
        .rev()
        .map(|family| (family.class, family.name, family.peers));
    for (class, name, peers) in families.chain([("ours", OURS, &[OURS][..])]) {
        let points: Vec<(usize, f64)> = (0..=6)
            .map(|power| 10_usize.pow(power))
            .filter_map(|n| {
                let value = peers
                    .iter()
                    .find_map(|peer| scaling.get(&format!("{series} {n}"), peer));
                Some((n, value?))
            })
            .collect();
        let place = |(n, value): &(usize, f64)| [across.place(*n as f64), up.place(*value)];
        svg.path(class, &points.iter().map(place).collect::<Vec<_>>());
        for point in &points {
            let title = format!("{name}, {} of them: {:.1} ns", point.0, point.1);
            svg.dot(
                class,
                place(point),
                if class == "ours" { 4.0 } else { 3.0 },
                &title,
            );
        }
    }
}

fn legend(svg: &mut Svg, scaling: &Figures) {
    let known = scaling.peers();
    let mut x = 26.0;
    let families = FAMILIES
        .iter()
        .filter(|family| family.peers.iter().any(|peer| known.contains(peer)));
    for (class, name) in [("ours", OURS)]
        .into_iter()
        .chain(families.map(|family| (family.class, family.name)))
    {
        svg.dot(class, [x, 70.0], 5.0, name);
        let style = if class == "ours" { "strong" } else { "" };
        svg.text(style, "start", [x + 9.0, 74.0], name);
        x += 30.0 + 6.8 * name.len() as f64;
    }
}
