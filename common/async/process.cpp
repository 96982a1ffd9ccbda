#include "common/async/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace policyd::async {

void BeginProcess() {
    for (int descriptor = 0; descriptor <= STDERR_FILENO; ++descriptor) {
        if (fcntl(descriptor, F_GETFD) >= 0) continue;
        // The lowest that is free is this one.
        if (open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY) != descriptor)
            std::abort();
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    IgnoreSignals({SIGPIPE, SIGXFSZ});
    signal(SIGCHLD, SIG_DFL);
}

bool HasPrintedAll() {
    if (std::cout.flush() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return false;
}

void IgnoreSignals(std::initializer_list<int> signals) {
    for (const int ignored : signals) signal(ignored, SIG_IGN);
}

void LeaveSignalsToOtherThreads() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace policyd::async
