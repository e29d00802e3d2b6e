//! What exit codes of containers mean, as shells, kernels and the kubelet use them.

/// What the code alone says. The log says the rest.
pub(super) fn meaning(code: i64, reason: &str) -> &'static str {
    match code {
        _ if reason == "OOMKilled" => "the kernel killed it at its memory limit",
        0 => "it ended by itself, without an error",
        2 => "an error of the program itself, often wrong arguments",
        125 => "the container could not be set up",
        126 => "its command is there but cannot be executed",
        127 => "its command was not found",
        128 => "it could not be started",
        130 => "SIGINT: it was interrupted",
        134 => "SIGABRT: it aborted itself",
        135 => "SIGBUS: a memory access failed",
        136 => "SIGFPE: an arithmetic error",
        137 => "SIGKILL: it was killed",
        139 => "SIGSEGV: a memory access failed",
        141 => "SIGPIPE: who read its output was gone",
        143 => "SIGTERM: it was asked to end",
        159 => "SIGSYS: a forbidden system call",
        255 => "an error of the program itself, or its node went away",
        _ => "an error of the program itself",
    }
}
