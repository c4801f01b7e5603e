//! What is where on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};

use crate::board::Seen;

/// Colours of models, in the order in which they are met.
const COLOURS: [Color; 6] = [Color::Cyan, Color::Green, Color::Magenta, Color::Yellow, Color::Blue, Color::Red];

pub(super) fn draw(frame: &mut Frame<'_>, seen: &Seen) {
    let [head, middle, story] =
        Layout::vertical([Constraint::Length(2), Constraint::Length(12), Constraint::Min(4)]).areas(frame.area());
    let [left, right] = Layout::horizontal([Constraint::Percentage(46), Constraint::Percentage(54)]).areas(middle);
    let [rate, figures] = Layout::vertical([Constraint::Length(6), Constraint::Min(4)]).areas(left);
    let [models, switches] = Layout::vertical([Constraint::Length(6), Constraint::Min(4)]).areas(right);
    title(frame, head, seen);
    rates(frame, rate, seen);
    totals(frame, figures, seen);
    answering(frame, models, seen);
    swaps(frame, switches, seen);
    told(frame, story, seen);
}

fn framed(name: &str) -> Block<'_> {
    Block::bordered().border_style(Style::new().fg(Color::DarkGray)).title(Span::from(format!(" {name} ")).bold())
}

/// A model's colour: the same wherever it stands.
fn colour(seen: &Seen, model: &str) -> Color {
    let place = seen.by_model.keys().position(|known| known == model).unwrap_or(0);
    COLOURS[place % COLOURS.len()]
}

fn title(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let time = format!("{} of {} s", seen.elapsed.as_secs().min(seen.whole.as_secs()), seen.whole.as_secs());
    let first = Line::from(vec![
        Span::from("sandstream demo").bold().fg(Color::Cyan),
        Span::from(format!("   {}   admin http://{}   {time}   q ends", seen.broker, seen.admin)),
    ]);
    frame.render_widget(Paragraph::new(first), area);
}

fn rates(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let now = seen.rates.back().copied().unwrap_or(0);
    let block = framed("results per second");
    let block = block.title_bottom(Line::from(format!(" {now} now ")).right_aligned());
    let width = usize::from(area.width.saturating_sub(2));
    let data: Vec<u64> = seen.rates.iter().skip(seen.rates.len().saturating_sub(width)).copied().collect();
    frame.render_widget(Sparkline::default().data(data).style(Style::new().fg(Color::Green)).block(block), area);
}

fn totals(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let row = |name: &str, value: String| Line::from(vec![Span::from(format!("{name:<22}")).dim(), Span::from(value)]);
    let first = seen.first_score_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms after the start"));
    let lines = vec![
        row("results", seen.results.to_string()),
        row("dead letters", seen.dead_letters.to_string()),
        row("latency p50, p99", format!("{:.1} ms, {:.1} ms", seen.p50_ms, seen.p99_ms)),
        row("first result", first),
    ];
    frame.render_widget(Paragraph::new(lines).block(framed("what a consumer sees")), area);
}

fn answering(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let rows = seen.answering.iter().map(|(partition, model)| {
        let total = seen.by_model.get(model).copied().unwrap_or(0);
        Row::new([format!("partition {partition}"), model.clone(), format!("{total:>10} results in all")])
            .style(Style::new().fg(colour(seen, model)))
    });
    let widths = [Constraint::Length(12), Constraint::Length(14), Constraint::Min(10)];
    frame.render_widget(Table::new(rows, widths).block(framed("who answers")), area);
}

fn swaps(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let room = usize::from(area.height.saturating_sub(2));
    let rows = seen.switches.iter().skip(seen.switches.len().saturating_sub(room)).map(|switch| {
        let cell = |model: &String| Span::from(model.clone()).fg(colour(seen, model));
        Row::new([Line::from(cell(&switch.from)), Line::from(cell(&switch.to)), Line::from(format!("{:.0} ms", switch.gap_ms))])
    });
    let widths = [Constraint::Length(14), Constraint::Length(14), Constraint::Min(8)];
    frame.render_widget(Table::new(rows, widths).block(framed("swaps: from, to, longest gap near it")), area);
}

fn told(frame: &mut Frame<'_>, area: Rect, seen: &Seen) {
    let style = |line: &str| match line.chars().next() {
        Some('#') => Style::new().fg(Color::Yellow),
        Some('$') => Style::new().add_modifier(Modifier::BOLD),
        _ => Style::new(),
    };
    // Wrapped by hand, because the last lines are what is shown.
    let width = usize::from(area.width.saturating_sub(2)).max(10);
    let lines: Vec<Line<'_>> =
        seen.lines.iter().flat_map(|line| wrapped(line, width).into_iter().map(|part| Line::styled(part, style(line)))).collect();
    let room = usize::from(area.height.saturating_sub(2));
    let from = lines.len().saturating_sub(room);
    frame.render_widget(Paragraph::new(lines[from..].to_vec()).block(framed("what is done")), area);
}

fn wrapped(line: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    chars.chunks(width).map(|part| part.iter().collect()).collect()
}
