//! SIGTERM and Ctrl-C ask for a stop; a second one ends the program at once.

use edge::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Listens on a thread of its own.
///
/// # Errors
/// The thread or the handlers cannot be set up.
pub fn listen(stop: Stop) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if stop.is_requested() {
                    std::process::exit(130);
                }
                stop.request();
            }
        });
    })?;
    Ok(())
}

/// The end of the process that started this one, however it came, asks for a stop too, where the system can tell.
///
/// # Errors
/// The system refuses.
pub fn listen_for_parents_end() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    Ok(())
}
