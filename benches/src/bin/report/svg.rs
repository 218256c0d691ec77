//! What the charts share: colours for light and dark, text, a logarithmic axis.

use std::fmt::Write;

/// A peer of the charts: its name there, the names it has in the figures, its colour in light and dark.
pub struct Family {
    pub name: &'static str,
    pub peers: &'static [&'static str],
    pub class: &'static str,
}

pub const OURS: &str = "turnwise";

pub const FAMILIES: [Family; 10] = [
    Family {
        name: "tokio",
        peers: &["tokio LocalRuntime", "tokio LocalSet"],
        class: "a",
    },
    Family {
        name: "smol",
        peers: &["smol"],
        class: "b",
    },
    Family {
        name: "monoio",
        peers: &["monoio, local-sync", "monoio, async-unsync"],
        class: "c",
    },
    Family {
        name: "futures",
        peers: &["futures"],
        class: "d",
    },
    Family {
        name: "unsend",
        peers: &["unsend"],
        class: "e",
    },
    Family {
        name: "runite",
        peers: &["runite"],
        class: "f",
    },
    Family {
        name: "ntex",
        peers: &["ntex"],
        class: "g",
    },
    Family {
        name: "compio",
        peers: &["compio"],
        class: "h",
    },
    Family {
        name: "local-runtime",
        peers: &["local-runtime"],
        class: "i",
    },
    Family {
        name: "hand-written limit",
        peers: &["limit"],
        class: "limit",
    },
];

/// An image that is grown piece by piece.
pub struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Self {
        Svg {
            body: String::new(),
            width,
            height,
        }
    }

    pub fn line(&mut self, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        let ends = format!("x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"");
        self.add(&format!("<line class=\"{class}\" {ends}/>"));
    }

    pub fn rectangle(&mut self, class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        let place =
            format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        self.add(&format!("<rect class=\"{class}\" {place}/>"));
    }

    /// `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, anchor: &str, [x, y]: [f64; 2], text: &str) {
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"");
        self.add(&format!(
            "<text class=\"{class}\" {place}>{}</text>",
            escape(text)
        ));
    }

    /// A dot that says what it is when pointed at.
    pub fn dot(&mut self, class: &str, [x, y]: [f64; 2], radius: f64, title: &str) {
        let place = format!("cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"");
        let title = escape(title);
        self.add(&format!(
            "<circle class=\"dot {class}\" {place}><title>{title}</title></circle>"
        ));
    }

    pub fn path(&mut self, class: &str, points: &[[f64; 2]]) {
        let mut path = String::new();
        for (n, [x, y]) in points.iter().enumerate() {
            let verb = if n == 0 { 'M' } else { 'L' };
            write!(path, "{verb}{x:.1} {y:.1}").expect("a string takes all");
        }
        self.add(&format!("<path class=\"line {class}\" d=\"{path}\"/>"));
    }

    fn add(&mut self, element: &str) {
        self.body += element;
        self.body.push('\n');
    }

    pub fn finish(self, title: &str) -> String {
        let Svg {
            body,
            width,
            height,
        } = self;
        let (title, style) = (escape(title), style());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{title}</title>\n\
             <style>{style}</style>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{body}</svg>\n"
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What has a colour: its classes, what is coloured, in the light and in the dark.
const COLOURS: [(&str, &str, &str, &str); 21] = [
    ("text", "fill", "#1f2328", "#e6edf3"),
    (".page", "fill", "#ffffff", "#0d1117"),
    (".soft", "fill", "#59636e", "#9198a1"),
    (".strong,.dot.ours", "fill", "#1a7f37", "#3fb950"),
    (".win", "fill", "#eef8f1", "#10231a"),
    (".grid", "stroke", "#e1e5ea", "#2a313c"),
    (".reach", "stroke", "#d5dbe1", "#343c48"),
    (".one,.line.ours", "stroke", "#1a7f37", "#3fb950"),
    (".dot", "stroke", "#ffffff", "#0d1117"),
    (".line.limit,.dot.limit", "stroke", "#59636e", "#9198a1"),
    (".dot.limit", "fill", "#ffffff", "#0d1117"),
    (".dot.a", "fill", "#0969da", "#58a6ff"),
    (".dot.b", "fill", "#bf3989", "#f778ba"),
    (".dot.c", "fill", "#bc4c00", "#ff9b5e"),
    (".dot.d", "fill", "#8250df", "#bc8cff"),
    (".dot.e", "fill", "#6e7781", "#8b949e"),
    (".dot.f", "fill", "#b08800", "#e3b341"),
    (".dot.g", "fill", "#cf222e", "#ff7b72"),
    (".dot.h", "fill", "#0f8a8a", "#4fd1d1"),
    (".dot.i", "fill", "#7a5230", "#c69c6d"),
    (".line.a", "stroke", "#0969da", "#58a6ff"),
];

/// Colours of lines that are those of dots.
const LINES: [(&str, &str, &str, &str); 2] = [
    (".line.b", "stroke", "#bf3989", "#f778ba"),
    (".line.c", "stroke", "#bc4c00", "#ff9b5e"),
];

const SHAPES: &str = "
text{font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:12px}
.soft{font-size:11px}.title{font-size:15px;font-weight:600}.strong{font-weight:600}
.one{stroke-width:2}.reach{stroke-width:4;stroke-linecap:round}.dot{stroke-width:1}.dot.limit{stroke-width:1.6}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.line.ours{stroke-width:3}.line.limit{stroke-dasharray:3 3}
";

/// The image brings its own ground, so that it can be read on any page.
fn style() -> String {
    let all = || COLOURS.iter().chain(&LINES);
    let light: String = all()
        .map(|(class, what, light, _)| format!("{class}{{{what}:{light}}}\n"))
        .collect();
    let dark: String = all()
        .map(|(class, what, _, dark)| format!("{class}{{{what}:{dark}}}\n"))
        .collect();
    format!("{SHAPES}{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n")
}

/// Maps values to pixels by their logarithm; what lies outside is put on the edge.
pub struct Axis {
    pub values: [f64; 2],
    pub pixels: [f64; 2],
}

impl Axis {
    pub fn place(&self, value: f64) -> f64 {
        let [low, high] = self.values.map(f64::ln);
        let share = ((value.ln() - low) / (high - low)).clamp(0.0, 1.0);
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }
}
