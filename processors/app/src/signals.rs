// SPDX-License-Identifier: Apache-2.0

//! SIGTERM and Ctrl-C request a stop; a second signal ends the program at once.

use edge::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Listens on its own thread.
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

/// Requests a stop when the parent process ends, on systems that report it.
///
/// # Errors
/// The system refuses.
pub fn listen_for_parents_end() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    Ok(())
}
