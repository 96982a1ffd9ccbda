#include "tests/support/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "common/async/endpoint.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// In the child, between fork and exec: only async-signal-safe calls but for putenv.
[[noreturn]] void Become(std::vector<char*>& arguments, const Process::Options& options) {
    setpgid(0, 0);
    for (const std::string& entry : options.environment) putenv(const_cast<char*>(entry.c_str()));
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
    execvp(arguments[0], arguments.data());
    dprintf(2, "cannot run %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

std::vector<char*> Argv(std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    return argv;
}

int ExitStatus(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool CanConnectTo(const async::Endpoint& endpoint) {
    sockaddr_storage address{};
    const socklen_t length = async::NumericAddress(endpoint, address);
    const int socket_fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected =
        connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), length) == 0;
    close(socket_fd);
    return connected;
}

}  // namespace

Process::Process(std::vector<std::string> arguments, const Options& options) {
    std::vector<char*> argv = Argv(arguments);
    int output = -1;
    if (!options.output.empty()) {
        output = open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (output < 0) Fail("open " + options.output.string());
    }
    pid_ = fork();
    if (pid_ < 0) Fail("fork");
    if (pid_ == 0) {
        const int null = open("/dev/null", O_RDONLY);
        dup2(null, 0);
        if (output >= 0) {
            dup2(output, 1);
            dup2(output, 2);
        }
        Become(argv, options);
    }
    if (output >= 0) close(output);
}

Process::~Process() {
    if (!IsRunning()) return;
    kill(-pid_, SIGCONT);
    if (kill(-pid_, SIGKILL) != 0) kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

bool Process::IsRunning() {
    if (status_) return false;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
    status_ = ExitStatus(status);
    return false;
}

void Process::Signal(int signal) {
    if (!status_ && kill(pid_, signal) != 0) Fail("kill");
}

std::optional<int> Process::Wait(std::chrono::milliseconds limit) {
    for (const auto end = Clock::now() + limit; IsRunning() && Clock::now() < end;)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return status_;
}

Finished Run(std::vector<std::string> arguments, const std::string& input,
             std::chrono::milliseconds limit) {
    std::vector<char*> argv = Argv(arguments);
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        Fail("pipe");
    const pid_t pid = fork();
    if (pid < 0) Fail("fork");
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        Become(argv, {});
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    fcntl(in[1], F_SETFL, O_NONBLOCK);

    Finished finished;
    std::size_t sent = 0;
    pollfd fds[3] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}, {in[1], POLLOUT, 0}};
    const auto close_at = [&fds](int i) {
        close(fds[i].fd);
        fds[i].fd = -1;
    };
    if (input.empty()) close_at(2);
    const auto end = Clock::now() + limit;
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) {
            kill(-pid, SIGKILL);
            waitpid(pid, nullptr, 0);
            throw std::runtime_error(arguments[0] + " did not end in time: " + finished.output +
                                     finished.errors);
        }
        poll(fds, 3, static_cast<int>(left));
        if (fds[2].fd >= 0 && fds[2].revents != 0) {
            const ssize_t n = write(fds[2].fd, input.data() + sent, input.size() - sent);
            if (n > 0) sent += static_cast<std::size_t>(n);
            if ((n < 0 && errno != EAGAIN) || sent == input.size()) close_at(2);
        }
        for (int i : {0, 1}) {
            if (fds[i].fd < 0 || fds[i].revents == 0) continue;
            char buffer[65536];
            const ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
            if (n <= 0) {
                close_at(i);
            } else {
                (i == 0 ? finished.output : finished.errors)
                    .append(buffer, static_cast<std::size_t>(n));
            }
        }
    }
    if (fds[2].fd >= 0) close_at(2);
    int status = 0;
    waitpid(pid, &status, 0);
    finished.status = ExitStatus(status);
    return finished;
}

void WaitUntil(const std::string& what, const std::function<bool()>& condition,
               const std::filesystem::path& log, std::chrono::milliseconds limit) {
    for (const auto end = Clock::now() + limit; !condition();) {
        if (Clock::now() > end) {
            std::string message = "waited in vain for: " + what;
            if (!log.empty() && std::filesystem::exists(log)) message += "\n" + ReadFile(log);
            throw std::runtime_error(message);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

int FreePort() {
    // A port is ours for as long as this process lives and holds the lock on its file; that no two
    // test programs that run at once start a server on the same one.
    const auto locks = std::filesystem::temp_directory_path() / "policyd-test-ports";
    std::filesystem::create_directories(locks);
    for (int port = 10000 + static_cast<int>(getpid() % 11000);; ++port) {
        if (port >= 22000) port = 10000;
        const auto file = locks / std::to_string(port);
        const int lock = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock < 0) Fail("open " + file.string());
        if (flock(lock, LOCK_EX | LOCK_NB) == 0 && !CanConnect(port)) return port;
        close(lock);
    }
}

bool CanConnect(int port) {
    return CanConnectTo(
        {async::Endpoint::Kind::kInet, "", "127.0.0.1", static_cast<std::uint16_t>(port)});
}

bool CanConnect(const std::filesystem::path& socket) {
    return CanConnectTo({async::Endpoint::Kind::kUnix, socket.string(), "", 0});
}

}  // namespace policyd::test
