//! Carrying bytes between a browser and a machine's screen, its serial console, or a shell.
//!
//! ```text
//! upstream --read--> [frames that are there already] --send, flush once--> browser      "down"
//! browser  --read--> binary only                     --send, flush-------> upstream     "up"
//! ```
//!
//! Both directions run in one task. Each reads only after its last frame was sent, so the slower side sets the
//! pace and nothing queues here. Each leg is pinged by whoever writes to it; a leg that stays silent over
//! [`MISSED`] pings is dead. The session, the takeover, the portal's stop and a lost permission end both.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use model::console::ConsoleEnd;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::ConsoleUpstream;
use super::ending::Guard;
use super::frame::{ConsoleRefusal, ConsoleReport, Frame};
use super::lease::Lease;

/// Between two pings.
const PING: Duration = Duration::from_secs(25);
/// Pings without any sign of life before a leg is dead.
const MISSED: u32 = 2;
/// How long one write may take.
const WRITE: Duration = Duration::from_secs(30);
/// Between two questions whether the person still may.
const RECHECK: Duration = Duration::from_mins(1);
/// How long the browser may take to answer a close frame.
const GOODBYE: Duration = Duration::from_secs(2);
/// Frames are handed on together up to this many bytes.
const TOGETHER: usize = 64 << 10;

/// Carries frames both ways until either side ends, closes the browser's socket with the reason, and tells how it
/// went.
///
/// The browser's socket may be any stream and sink of [`Frame`]s.
pub async fn relay<B, E>(browser: B, upstream: ConsoleUpstream) -> ConsoleReport
where
    B: Stream<Item = Result<Frame, E>> + Sink<Frame, Error = E> + Send,
    E: Display + Send,
{
    let ConsoleUpstream { socket, lease, guard, signed_out, stop } = upstream;
    metrics::gauge!("porthole_console_sessions").increment(1.0);
    let ends = async {
        tokio::select! {
            () = signed_out.cancelled() => ConsoleRefusal::of(ConsoleEnd::SignedOut),
            () = taken(lease.as_ref()) => ConsoleRefusal::of(ConsoleEnd::TakenOver),
            () = stop.cancelled() => ConsoleRefusal::of(ConsoleEnd::PortalRestarts),
            refusal = recheck(&guard) => refusal,
        }
    };
    let why = async |lost| match lost {
        Lost::Upstream if lease.as_ref().is_some_and(Lease::is_contested) => ConsoleRefusal::of(ConsoleEnd::TakenOver),
        Lost::Upstream => guard.upstream_ended().await,
        Lost::UpstreamSilent => ConsoleRefusal::of(ConsoleEnd::UpstreamLost),
        Lost::Browser => ConsoleRefusal::of(ConsoleEnd::Done),
        Lost::Text => ConsoleRefusal::new(ConsoleEnd::Done, "A console takes binary frames only."),
    };
    let report = carry(browser, socket, ends, why).await;
    release(lease);
    metrics::gauge!("porthole_console_sessions").decrement(1.0);
    metrics::counter!("porthole_console_bytes_total", "direction" => "down").increment(report.bytes_down);
    metrics::counter!("porthole_console_bytes_total", "direction" => "up").increment(report.bytes_up);
    metrics::counter!("porthole_console_ends_total", "end" => format!("{:?}", report.end)).increment(1);
    tracing::info!(
        console.end = ?report.end,
        console.bytes_down = report.bytes_down,
        console.bytes_up = report.bytes_up,
        "console ended"
    );
    report
}

/// The screen is free once both sockets are closed.
fn release(lease: Option<Lease>) {
    drop(lease);
}

/// Until somebody else takes what is held; never, where nothing is.
async fn taken(lease: Option<&Lease>) {
    match lease {
        Some(lease) => lease.taken().cancelled().await,
        None => std::future::pending().await,
    }
}

async fn recheck(guard: &Guard) -> ConsoleRefusal {
    loop {
        tokio::time::sleep(RECHECK).await;
        if let Some(refusal) = guard.check().await {
            return refusal;
        }
    }
}

/// Which side ended a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The stream from the cluster ended.
    Upstream,
    /// The stream from the cluster stays silent.
    UpstreamSilent,
    /// The browser left, or does not answer or take anything.
    Browser,
    /// The browser sent text.
    Text,
}

/// When something was last heard from one side, in milliseconds since the console began.
struct Heard {
    start: Instant,
    at: AtomicU64,
}

impl Heard {
    fn new() -> Self {
        Self { start: Instant::now(), at: AtomicU64::new(0) }
    }

    fn now(&self) {
        self.at.store(self.millis(), Ordering::Relaxed);
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_silent(&self) -> bool {
        let limit = u64::try_from((PING * (MISSED + 1)).as_millis()).unwrap_or(u64::MAX);
        self.millis().saturating_sub(self.at.load(Ordering::Relaxed)) >= limit
    }
}

/// What both directions know of each other.
struct Meter {
    browser: Heard,
    upstream: Heard,
    bytes_down: AtomicU64,
    bytes_up: AtomicU64,
}

/// The relay itself, free of where its ends come from.
async fn carry<B, E, U, UE>(
    browser: B,
    upstream: U,
    ends: impl Future<Output = ConsoleRefusal>,
    why: impl AsyncFnOnce(Lost) -> ConsoleRefusal,
) -> ConsoleReport
where
    B: Stream<Item = Result<Frame, E>> + Sink<Frame, Error = E> + Send,
    E: Display + Send,
    U: Stream<Item = Result<Message, UE>> + Sink<Message, Error = UE> + Send,
    UE: Display + Send,
{
    let (mut to_browser, mut from_browser) = browser.split();
    let (mut to_upstream, mut from_upstream) = upstream.split();
    let meter = Meter {
        browser: Heard::new(),
        upstream: Heard::new(),
        bytes_down: AtomicU64::new(0),
        bytes_up: AtomicU64::new(0),
    };
    let lost = async {
        tokio::select! {
            lost = down(&mut from_upstream, &mut to_browser, &meter) => lost,
            lost = up(&mut from_browser, &mut to_upstream, &meter) => lost,
        }
    };
    let refusal = tokio::select! {
        biased;
        refusal = ends => refusal,
        lost = lost => why(lost).await,
    };
    // The browser reads the reason only if its socket is closed in good order: say it, and wait for the answer.
    let goodbye = async {
        if to_browser.send(refusal.frame()).await.is_ok() {
            while let Some(Ok(frame)) = from_browser.next().await {
                if matches!(frame, Frame::Close { .. }) {
                    break;
                }
            }
        }
    };
    let hang_up = async {
        let _ = to_upstream.send(Message::Close(None)).await;
    };
    // Either socket may be dead already; then there is nobody to be polite to.
    let _ = tokio::join!(timeout(GOODBYE, goodbye), timeout(GOODBYE, hang_up));
    let (bytes_down, bytes_up) = (meter.bytes_down.into_inner(), meter.bytes_up.into_inner());
    ConsoleReport { end: refusal.end, bytes_down, bytes_up }
}

/// From the machine to the browser. Whatever has arrived by now goes out with one flush: fewer and fuller packets
/// under load, and no waiting when there is none.
async fn down<S, K, E, UE>(from: &mut S, to: &mut K, meter: &Meter) -> Lost
where
    S: Stream<Item = Result<Message, UE>> + Unpin,
    K: Sink<Frame, Error = E> + Unpin,
    E: Display,
    UE: Display,
{
    let mut pings = pings();
    loop {
        let first = tokio::select! {
            message = from.next() => message,
            _ = pings.tick() => {
                if meter.browser.is_silent() || !sent(to.send(Frame::Ping(Bytes::new()))).await {
                    return Lost::Browser;
                }
                continue;
            }
        };
        let mut handed = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Some(Ok(Message::Binary(bytes))) if !bytes.is_empty() => {
                    handed += bytes.len();
                    meter.bytes_down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    if !sent(to.feed(Frame::Binary(bytes))).await {
                        return Lost::Browser;
                    }
                }
                Some(Ok(Message::Close(_))) | None => {
                    sent(to.flush()).await;
                    return Lost::Upstream;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "console upstream");
                    sent(to.flush()).await;
                    return Lost::Upstream;
                }
            }
            meter.upstream.now();
            next = if handed < TOGETHER { from.next().now_or_never() } else { None };
        }
        if handed > 0 && !sent(to.flush()).await {
            return Lost::Browser;
        }
        // A slow browser kept this side from listening; that is not the machine's silence.
        meter.upstream.now();
    }
}

/// From the browser to the machine.
async fn up<S, K, E, UE>(from: &mut S, to: &mut K, meter: &Meter) -> Lost
where
    S: Stream<Item = Result<Frame, E>> + Unpin,
    K: Sink<Message, Error = UE> + Unpin,
    E: Display,
    UE: Display,
{
    let mut pings = pings();
    loop {
        let frame = tokio::select! {
            frame = from.next() => frame,
            _ = pings.tick() => {
                if meter.upstream.is_silent() || !sent(to.send(Message::Ping(Bytes::new()))).await {
                    return Lost::UpstreamSilent;
                }
                continue;
            }
        };
        meter.browser.now();
        match frame {
            Some(Ok(Frame::Binary(bytes))) => {
                meter.bytes_up.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if !sent(to.send(Message::Binary(bytes))).await {
                    return Lost::Upstream;
                }
                meter.browser.now();
            }
            Some(Ok(Frame::Text)) => return Lost::Text,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
            Some(Ok(Frame::Close { .. })) | None => return Lost::Browser,
            Some(Err(error)) => {
                tracing::debug!(%error, "console browser");
                return Lost::Browser;
            }
        }
    }
}

fn pings() -> tokio::time::Interval {
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    pings
}

/// Whether a write went through in time.
async fn sent<E: Display>(write: impl Future<Output = Result<(), E>>) -> bool {
    match timeout(WRITE, write).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "console write");
            false
        }
        Err(_elapsed) => false,
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
