//! tokio-postgres against a server that the test starts, and skips where PostgreSQL is not installed.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};
use turnwise::io::UnixStream;
use turnwise::{gather_spawned, sleep, spawn};

use crate::bounded;

/// Who runs the server where the test runs as root, which PostgreSQL refuses.
const NOBODY: u32 = 65534;
const PORT: &str = "5432";

/// A server with a folder of its own, which ends with it.
struct Server {
    folder: TempDir,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the programs of PostgreSQL are.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.find(|folder| folder.join("initdb").is_file())
}

fn command(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // As root everything under /proc belongs to root.
    if fs::metadata("/proc/self")
        .is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0)
    {
        chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may");
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Server {
    fn start() -> Option<Server> {
        let Some(programs) = programs() else {
            eprintln!("PostgreSQL is not installed; nothing was tried");
            return None;
        };
        let folder = TempDir::new().expect("there is room");
        let mut made = command(programs.join("initdb"), folder.path());
        made.args(["-D", "data", "-U", "tester", "-A", "trust", "-N"]);
        assert!(made.status().expect("it is there").success());
        let mut server = command(programs.join("postgres"), folder.path());
        server
            .args(["-D", "data"])
            .args(["-p", PORT])
            .args(["-c", "listen_addresses="]);
        // It goes into the folder of its data.
        server.arg("-k").arg(folder.path());
        let process = server.spawn().expect("it is there");
        Some(Server { folder, process })
    }

    /// Connects once the server listens.
    async fn connect(&self) -> Client {
        let socket = self.folder.path().join(format!(".s.PGSQL.{PORT}"));
        let mut config = Config::new();
        config.user("tester").dbname("postgres");
        loop {
            if let Ok(stream) = UnixStream::connect(&socket).await
                && let Ok((client, connection)) = config.connect_raw(stream, NoTls).await
            {
                spawn(connection);
                return client;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn a_hundred_queries_are_pipelined() {
    let Some(server) = Server::start() else {
        return;
    };
    bounded(async {
        let client = std::rc::Rc::new(server.connect().await);
        let queries = (0..100).map(|n: i32| {
            let client = client.clone();
            async move {
                let row = client.query_one("SELECT $1::INT + 1", &[&n]).await;
                assert_eq!(row.expect("it answers").get::<_, i32>(0), n + 1);
            }
        });
        gather_spawned(queries).await;
    });
}

#[test]
fn a_server_that_is_killed_in_a_query_is_one_error() {
    let Some(mut server) = Server::start() else {
        return;
    };
    bounded(async {
        let client = server.connect().await;
        let asking =
            spawn(async move { client.query_one("SELECT pg_sleep(600)", &[]).await.err() });
        sleep(Duration::from_millis(100)).await;
        // Asked to end at once (SIGQUIT), it ends its children, too.
        let pid = server.process.id().to_string();
        let told = Command::new("kill").args(["-QUIT", &pid]).status();
        assert!(told.expect("it is there").success());
        let error = asking.await.expect("no panic").expect("the query fails");
        assert!(error.is_closed() || error.code().is_some(), "{error}");
        server.process.wait().expect("it ends");
    });
}
