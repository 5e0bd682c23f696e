//! A client that costs next to nothing: HTTP/1.1 over one kept connection, written by hand.

use std::net::SocketAddr;

use privet::{UploadId, hex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// The status of an upload.
    pub(crate) async fn put(&mut self, id: UploadId, body: &[u8]) -> u16 {
        let path = format!("/v1/tasks/demo/rounds/1/uploads/{}", hex(&id));
        let mut request =
            format!("PUT {path} HTTP/1.1\r\nhost: load\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend(body);
        self.stream.write_all(&request).await.expect("the server reads");
        self.reply().await.0
    }

    pub(crate) async fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: load\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.expect("the server reads");
        let (status, body) = self.reply().await;
        assert_eq!(status, 200, "{path}");
        body
    }

    async fn reply(&mut self) -> (u16, Vec<u8>) {
        self.buffer.clear();
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        let status = head[9..12].parse().expect("a status");
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        while self.buffer.len() < end + length {
            self.more().await;
        }
        (status, self.buffer[end..end + length].to_vec())
    }

    async fn more(&mut self) {
        assert!(self.stream.read_buf(&mut self.buffer).await.expect("the server writes") > 0, "the server hung up");
    }
}
