//@ crate-type: lib

pub struct App;

impl App {
    #[turnwise_macros::main]
    pub async fn start() -> Result<Self, ()> { //~ Self | `start` cannot return `Self`; move it out of the `impl`
        Ok(App)
    }
}
