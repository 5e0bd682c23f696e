//! Where requests come in: plain, or under TLS. Whoever is slow, or brings many connections, keeps nobody else waiting.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    response::Response,
};
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::throttled::ThrottledWarning;

mod connections;
mod tls;

pub use connections::Connections;
use connections::Place;
pub use tls::Tls;
pub(crate) use tls::{certificates, provider};

/// Whoever takes longer for a handshake is not waited for.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Nor for the header of a request; a kept connection that says nothing for so long is closed.
const HEADER: Duration = Duration::from_secs(10);
/// Nor for a request and its answer, each looked at so often: a page of 300 KB takes a minute over the slowest line.
const ANSWER: Duration = Duration::from_mins(1);
/// So many looks.
const LOOKS: u32 = 3;
/// A server that is asked to stop waits so long for what it accepted.
const STOP: Duration = Duration::from_secs(10);
/// What hyper reads ahead: an upload of 4,096 entries and its header.
const AHEAD: usize = 32 << 10;
/// Headers of a request.
const HEADERS: usize = 64;

/// Whom a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

/// An address; of IPv6 the network of 64 bits, for a household has all the addresses of one.
pub(crate) fn group(who: IpAddr) -> u128 {
    match who.to_canonical() {
        IpAddr::V4(who) => who.to_bits().into(),
        IpAddr::V6(who) => who.to_bits() & !u128::from(u64::MAX),
    }
}

/// Serves until it is asked to stop, and finishes what it accepted by then, or as much of it as there is time for.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    connections: Connections,
    app: Router,
    stopped: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let tls = tls.map(|tls| TlsAcceptor::from(tls.0));
    let (stop, stopping) = watch::channel(false);
    let mut open = JoinSet::new();
    let (mut stopped, refused) = (pin!(stopped), ThrottledWarning::default());
    loop {
        let (stream, from) = tokio::select! {
            accepted = accept(&listener, &refused) => accepted,
            Some(_) = open.join_next() => continue,
            () = &mut stopped => break,
        };
        connections.let_out().await;
        // One that is refused is hung up on.
        if let Some(place) = connections.enter(from.ip()) {
            let line = Line { place: Arc::new(place), from, stopping: stopping.clone() };
            open.spawn(line.answer(stream, tls.clone(), app.clone()));
        }
    }
    drop(listener);
    stop.send_replace(true);
    if timeout(STOP, async { while open.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(left = open.len(), "the server stops in the middle of requests: they take too long");
    }
    open.shutdown().await;
    Ok(())
}

async fn accept(listener: &TcpListener, refused: &ThrottledWarning) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The one that is gone, and not the listener.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if let Some(times) = refused.due(Instant::now()) {
                    tracing::error!(%error, times, "no connection can be accepted");
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// A connection that has a place.
struct Line {
    place: Arc<Place>,
    from: SocketAddr,
    stopping: watch::Receiver<bool>,
}

/// The requests of a connection: which one it is, and whether it is answered.
#[derive(Default)]
struct Requests {
    begun: AtomicU64,
    answered: AtomicU64,
}

impl Requests {
    /// The one under way.
    fn under_way(&self) -> Option<u64> {
        let begun = self.begun.load(Ordering::Acquire);
        (self.answered.load(Ordering::Acquire) < begun).then_some(begun)
    }
}

/// A request that is answered when this is dropped.
struct UnderWay(Arc<Requests>, Arc<Place>);

impl UnderWay {
    fn begin(requests: &Arc<Requests>, place: &Arc<Place>) -> Self {
        requests.begun.fetch_add(1, Ordering::Release);
        place.busy();
        Self(requests.clone(), place.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.1.rest();
        self.0.answered.fetch_add(1, Ordering::Release);
    }
}

/// The body of an answer, under way until the last of its bytes is on its way.
struct Leaving {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Line {
    async fn answer(self, stream: TcpStream, tls: Option<TlsAcceptor>, app: Router) {
        let Some(tls) = tls else { return self.speak(stream, app).await };
        match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, app).await,
            // Whoever speaks no TLS.
            Ok(Err(_)) => {}
            Err(_) => self.place.connections().late("handshake"),
        }
    }

    async fn speak(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
        let Self { place, from, mut stopping } = self;
        let requests = Arc::new(Requests::default());
        let app = TowerToHyperService::new(app);
        let answer = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(Client(from)));
            let under_way = UnderWay::begin(&requests, &place);
            let answer = hyper::service::Service::call(&app, request.map(Body::new));
            async move {
                let Ok(answer) = answer.await;
                Ok::<Response, Infallible>(answer.map(|body| Body::new(Leaving { body, _under_way: under_way })))
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(AHEAD).max_headers(HEADERS);
        let mut connection = pin!(http.serve_connection(TokioIo::new(io), answer));
        let (mut look, mut looked) = (interval(ANSWER), (None, 0));
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    // A kept connection that has nothing more to say is no attack.
                    if ended.is_err_and(|error| error.is_timeout()) && requests.begun.load(Ordering::Acquire) == 0 {
                        place.connections().late("header");
                    }
                    return;
                }
                _ = look.tick() => {
                    let now = requests.under_way();
                    looked = (now, if now.is_some() && now == looked.0 { looked.1 + 1 } else { 0 });
                    if looked.1 == LOOKS {
                        return place.connections().late("answer");
                    }
                }
                () = place.told_to_leave() => return place.connections().late("idle"),
                _ = stopping.changed() => break,
            }
        }
        connection.as_mut().graceful_shutdown();
        // Whoever has not sent a whole header has nothing accepted; what was answered last has a second to leave.
        while timeout(Duration::from_secs(1), connection.as_mut()).await.is_err() && requests.under_way().is_some() {}
    }
}
