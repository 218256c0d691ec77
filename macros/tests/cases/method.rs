//@ crate-type: lib

pub struct App;

impl App {
    #[turnwise_macros::main]
    pub async fn run(&mut self, times: u8) -> Option<&u8> { //~ self | `#[turnwise::main]` cannot run a method; call it from an `async fn`
        self.run(times).await
    }
}

pub fn caller(mut app: App) -> Option<u8> {
    app.run(3).copied()
}
