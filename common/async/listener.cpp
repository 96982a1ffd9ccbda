#include "common/async/listener.hpp"

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "common/files/descriptor.hpp"

namespace policyd::async {

namespace {

/// Long enough for every smtpd of a large site to connect at once; the kernel's somaxconn caps it.
constexpr int kBacklog = 4096;

[[noreturn]] void Fail(const Endpoint& endpoint, const std::string& what) {
    throw std::runtime_error("cannot listen on " + endpoint.ToText() + ": " + what);
}

[[noreturn]] void FailWithErrno(const Endpoint& endpoint, const char* operation) {
    Fail(endpoint, std::string(operation) + ": " + std::strerror(errno));
}

int OpenSocket(const Endpoint& endpoint, int family) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) FailWithErrno(endpoint, "socket");
    return fd;
}

/// Fails unless the socket at the path is one that a dead server has left behind. Whose cannot be
/// asked, for want of a right or of a descriptor, or is one of datagrams, may well be alive.
void RequireNobodyListens(const Endpoint& endpoint, const sockaddr* address, socklen_t length) {
    const files::Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool is_connected = probe && connect(probe.Get(), address, length) == 0;
    if (is_connected || errno == EAGAIN) Fail(endpoint, "another server listens there");
    if (errno == ECONNREFUSED || errno == ENOENT) return;
    FailWithErrno(endpoint, "a socket is there, and whether a server listens on it cannot be told");
}

/// Lets one process at a time make or remove sockets in the directory of `path`. One that may not
/// read the directory does without, and so does one that has waited for long: others lock
/// directories for reasons of their own.
class DirectoryLock {
public:
    DirectoryLock(const std::string& path, std::chrono::milliseconds patience) {
        const std::string directory = std::filesystem::path(path).parent_path();
        fd_ = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const auto give_up = std::chrono::steady_clock::now() + patience;
        while (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
               std::chrono::steady_clock::now() < give_up)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ~DirectoryLock() {
        if (fd_ >= 0) close(fd_);
    }
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

private:
    int fd_;
};

/// The socket that was made at the path, and nothing that somebody has put in its place since: no
/// link, and no socket of another directory under one more name.
files::Descriptor OpenMade(const Endpoint& endpoint, struct stat& made) {
    files::Descriptor socket(open(endpoint.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!socket || fstat(socket.Get(), &made) != 0) FailWithErrno(endpoint, "open");
    if (!S_ISSOCK(made.st_mode) || made.st_nlink != 1)
        Fail(endpoint, "somebody has put something else in its place");
    return socket;
}

/// By its descriptor: whoever may write in its directory can have the path lead elsewhere.
void SetAccess(const files::Descriptor& socket, const Endpoint& endpoint,
               const ListeningSocket::UnixAccess& access) {
    const std::string path = "/proc/self/fd/" + std::to_string(socket.Get());
    if (!access.group.empty()) {
        const group* const entry = getgrnam(access.group.c_str());
        if (entry == nullptr) Fail(endpoint, "no such group: " + access.group);
        if (chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0)
            FailWithErrno(endpoint, "chown");
    }
    if (chmod(path.c_str(), access.mode) != 0) {
        if (errno == ENOENT) Fail(endpoint, "/proc, by way of which it gets its mode, is missing");
        FailWithErrno(endpoint, "chmod");
    }
    if (!access.user.empty()) {
        const passwd* const entry = getpwnam(access.user.c_str());
        if (entry == nullptr) Fail(endpoint, "no such user: " + access.user);
        if (chown(path.c_str(), entry->pw_uid, static_cast<gid_t>(-1)) != 0)
            FailWithErrno(endpoint, "chown");
    }
}

/// Returns what is at the socket's path then.
struct stat BindUnix(int fd, const Endpoint& endpoint, const ListeningSocket::UnixAccess& access) {
    sockaddr_storage storage{};
    const socklen_t length = NumericAddress(endpoint, storage);
    const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
    struct stat existing {};
    if (lstat(endpoint.path.c_str(), &existing) == 0) {
        if (!S_ISSOCK(existing.st_mode)) Fail(endpoint, "the path exists and is not a socket");
        RequireNobodyListens(endpoint, address, length);
        unlink(endpoint.path.c_str());
    }
    // Until its access is set, nobody but us may connect.
    const mode_t former = umask(0177);
    const int bound = bind(fd, address, length);
    umask(former);
    if (bound != 0) FailWithErrno(endpoint, "bind");
    struct stat made {};
    SetAccess(OpenMade(endpoint, made), endpoint, access);
    return made;
}

void BindInet(int fd, const Endpoint& endpoint, const sockaddr* address, socklen_t length) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address, length) != 0) FailWithErrno(endpoint, "bind");
}

void Listen(int fd, const Endpoint& endpoint) {
    if (listen(fd, kBacklog) != 0) FailWithErrno(endpoint, "listen");
}

}  // namespace

ListeningSocket::ListeningSocket(const Endpoint& endpoint, const UnixAccess& access)
    : name_(endpoint.ToText()), is_unix_(endpoint.kind == Endpoint::Kind::kUnix) {
    if (is_unix_) {
        fd_ = OpenSocket(endpoint, AF_UNIX);
        // Until it listens, another start would take it for a socket that was left behind.
        const DirectoryLock lock(endpoint.path, std::chrono::seconds(3));
        const struct stat made = BindUnix(fd_, endpoint, access);
        device_ = made.st_dev;
        inode_ = made.st_ino;
        Listen(fd_, endpoint);
        own_path_ = endpoint.path;
    } else {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_PASSIVE;
        addrinfo* found = nullptr;
        const int status = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(),
                                       &hints, &found);
        if (status != 0) Fail(endpoint, gai_strerror(status));
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
        fd_ = OpenSocket(endpoint, addresses->ai_family);
        BindInet(fd_, endpoint, addresses->ai_addr, addresses->ai_addrlen);
        Listen(fd_, endpoint);
    }
}

ListeningSocket::ListeningSocket(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("descriptor " + std::to_string(fd) + " is not a socket");
    is_unix_ = address.ss_family == AF_UNIX;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

ListeningSocket::~ListeningSocket() {
    if (fd_ < 0) return;
    if (!own_path_.empty()) {
        const DirectoryLock lock(own_path_, std::chrono::milliseconds(100));
        // While it is open, its inode is no other socket's.
        struct stat there {};
        if (lstat(own_path_.c_str(), &there) == 0 && there.st_dev == device_ &&
            there.st_ino == inode_)
            unlink(own_path_.c_str());
    }
    close(fd_);
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      is_unix_(other.is_unix_),
      own_path_(std::move(other.own_path_)),
      device_(other.device_),
      inode_(other.inode_) {}

namespace {

/// Of a burst of connections: enough to be quick, and few enough that nobody who is connected waits
/// for long meanwhile.
constexpr int kMostInOneTurn = 64;
constexpr std::chrono::milliseconds kPause{100};

/// Each loop has a descriptor of its own.
files::Descriptor Duplicate(const ListeningSocket& socket) {
    files::Descriptor duplicate(fcntl(socket.Descriptor(), F_DUPFD_CLOEXEC, 0));
    if (!duplicate) throw std::runtime_error("dup: " + std::string(std::strerror(errno)));
    return duplicate;
}

/// Whether it concerns the one connection that could not be accepted: accept(2), "Error handling".
bool IsOfConnection(int error) {
    static constexpr int kErrors[] = {EINTR,       ECONNABORTED, ENETDOWN, EPROTO,
                                      ENOPROTOOPT, EHOSTDOWN,    ENONET,   EHOSTUNREACH,
                                      EOPNOTSUPP,  ENETUNREACH};
    return std::find(std::begin(kErrors), std::end(kErrors), error) != std::end(kErrors);
}

}  // namespace

Listener::Listener(uv_loop_t* loop, const ListeningSocket& socket, OnConnection on_connection,
                   OnFailure on_failure, MayAccept may_accept)
    : loop_(loop),
      on_connection_(std::move(on_connection)),
      on_failure_(std::move(on_failure)),
      may_accept_(std::move(may_accept)),
      is_unix_(socket.IsUnix()),
      socket_(Duplicate(socket)),
      poll_(MakeHandle<uv_poll_t>("uv_poll_init", this, uv_poll_init, loop, socket_.Get())),
      pause_(loop, [this] { Watch(); }) {
    // One that was passed to us may have a shorter queue.
    if (listen(socket_.Get(), kBacklog) != 0) throw UvError("listen", -errno);
    Watch();
}

void Listener::Watch() {
    const auto on_ready = [](uv_poll_t* poll, int status, int) {
        auto& listener = *static_cast<Listener*>(poll->data);
        status < 0 ? listener.PauseFor(-status) : listener.Accept();
    };
    uv_poll_start(poll_.get(), UV_READABLE, on_ready);
}

void Listener::Accept() {
    for (int i = 0; i < kMostInOneTurn; ++i) {
        files::Descriptor connection(
            accept4(socket_.Get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection && may_accept_()) {
            Begin(std::move(connection));
        } else if (connection) {
            waiting_ = std::move(connection);
            uv_poll_stop(poll_.get());
            return;
        } else if (errno == EAGAIN) {  // that was all, or another loop was faster
            return;
        } else if (!IsOfConnection(errno)) {
            return PauseFor(errno);
        }
    }
}

void Listener::PauseFor(int error) {
    uv_poll_stop(poll_.get());
    pause_.Start(kPause);
    on_failure_(std::strerror(error));
}

void Listener::AcceptWaiting() {
    Watch();
    Begin(std::exchange(waiting_, {}));
}

void Listener::Begin(files::Descriptor connection) {
    auto handle = std::make_unique<uv_any_handle>();
    if ((is_unix_ ? uv_pipe_init(loop_, &handle->pipe, 0) : uv_tcp_init(loop_, &handle->tcp)) != 0)
        return;
    UvHandle<uv_any_handle> owner(handle.release());
    if ((is_unix_ ? uv_pipe_open(&owner->pipe, connection.Get())
                  : uv_tcp_open(&owner->tcp, connection.Get())) != 0)
        return;
    connection.Release();
    if (!is_unix_) uv_tcp_nodelay(&owner->tcp, 1);
    on_connection_(std::move(owner));
}

}  // namespace policyd::async
