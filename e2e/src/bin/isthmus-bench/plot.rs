//! The figure: seconds and processor time for each transfer against the number of transfers, both axes logarithmic.

use std::fmt::Write as _;

use crate::outbound::Point;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;
/// 100 to 10 000 transfers.
const X: (f64, f64) = (2.0, 4.0);
/// A tenth to a hundred.
const Y: (f64, f64) = (-1.0, 2.0);

/// An SVG document.
pub(crate) fn svg(points: &[Point]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (value, label) in [(100.0, "100"), (1000.0, "1000"), (10_000.0, "10 000")] {
        let x = x_of(value);
        line(&mut svg, (x, MARGIN), (x, HEIGHT - MARGIN));
        text(&mut svg, x - 15.0, HEIGHT - MARGIN + 20.0, label, "#333333");
    }
    for (value, label) in [(0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100")] {
        let y = y_of(value);
        line(&mut svg, (MARGIN, y), (WIDTH - MARGIN, y));
        text(&mut svg, 20.0, y + 4.0, label, "#333333");
    }
    text(
        &mut svg,
        WIDTH / 2.0 - 60.0,
        HEIGHT - 12.0,
        "transfers submitted at once",
        "#333333",
    );
    text(
        &mut svg,
        MARGIN,
        24.0,
        "seconds until the last is minted, finally",
        "#1b6ca8",
    );
    text(
        &mut svg,
        MARGIN,
        44.0,
        "milliseconds of processor time for each, all processes",
        "#b3541e",
    );
    curve(&mut svg, points, "#1b6ca8", |point| point.seconds);
    curve(&mut svg, points, "#b3541e", |point| point.cpu_ms_each);
    svg + "</svg>\n"
}

fn x_of(value: f64) -> f64 {
    MARGIN + (value.log10() - X.0) / (X.1 - X.0) * (WIDTH - 2.0 * MARGIN)
}

fn y_of(value: f64) -> f64 {
    HEIGHT - MARGIN - (value.max(0.1).log10() - Y.0) / (Y.1 - Y.0) * (HEIGHT - 2.0 * MARGIN)
}

// Writing to a string does not fail.
fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _written = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, x: f64, y: f64, text: &str, colour: &str) {
    let _written = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{text}</text>"
    );
}

fn curve(svg: &mut String, points: &[Point], colour: &str, value: impl Fn(&Point) -> f64) {
    let places: Vec<(f64, f64)> = points
        .iter()
        .map(|p| (x_of(p.transfers), y_of(value(p))))
        .collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _written = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for ((x, y), point) in places.iter().zip(points) {
        let _written = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
        );
        text(
            svg,
            x - 10.0,
            y - 9.0,
            &format!("{:.1}", value(point)),
            colour,
        );
    }
}
