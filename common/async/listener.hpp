#pragma once

#include <uv.h>

#include <functional>
#include <string>

#include "common/async/endpoint.hpp"
#include "common/async/timer.hpp"
#include "common/async/uv_handle.hpp"
#include "common/files/descriptor.hpp"

namespace policyd::async {

/// A socket that listens, not bound to a loop yet. It is opened once, before privileges are given
/// up, and then shared by the loops of all worker threads.
class ListeningSocket {
public:
    struct UnixAccess {
        unsigned mode = 0660;
        std::string group{};  ///< empty: the process's own
        std::string user{};   ///< likewise; another is for root to name
    };

    /// Binds and listens. A UNIX socket that a dead server left behind is replaced; one that
    /// answers, or of which that cannot be told, is not. Throws std::runtime_error that names the
    /// endpoint and the reason.
    ListeningSocket(const Endpoint& endpoint, const UnixAccess& access);
    /// Takes a socket that somebody else has bound and listens on, as by socket activation.
    ListeningSocket(int fd, std::string name);
    /// Closes it, and removes a UNIX socket's path if this object made it and nobody has put
    /// another one there since.
    ~ListeningSocket();
    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    int Descriptor() const noexcept { return fd_; }
    const std::string& Name() const noexcept { return name_; }
    bool IsUnix() const noexcept { return is_unix_; }

private:
    int fd_ = -1;
    std::string name_;
    bool is_unix_ = false;
    std::string own_path_;      // what the destructor removes
    std::uint64_t device_ = 0;  // of own_path_, when it was made
    std::uint64_t inode_ = 0;   // likewise
};

/// Accepts connections of one listening socket on one loop. Loop thread; its constructor throws
/// UvError.
///
/// libuv's own listening stream is no help where there are no descriptors: before it turns to
/// anything else it accepts until nobody waits any more, and that fails for as long as there are
/// none.
class Listener {
public:
    /// Called on the loop thread for every connection, as are the others; none of them destroys the
    /// listener.
    using OnConnection = std::function<void(UvHandle<uv_any_handle>)>;
    /// Called where the system cannot give us a connection now, since it lacks descriptors or
    /// memory. Whoever connects waits in the kernel's queue until it can: it is asked ten times a
    /// second.
    using OnFailure = std::function<void(const std::string& why)>;
    /// Called before OnConnection: whether there is a place for the connection. If not, it waits
    /// for AcceptWaiting(), and all that come after it in the kernel's queue.
    using MayAccept = std::function<bool()>;

    Listener(
        uv_loop_t* loop, const ListeningSocket& socket, OnConnection on_connection,
        OnFailure on_failure = [](const std::string&) {},
        MayAccept may_accept = [] { return true; });
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// Takes the connection that had to wait, whatever MayAccept says, and asks for the next.
    void AcceptWaiting();

private:
    void Watch();
    void Accept();
    void PauseFor(int error);
    void Begin(files::Descriptor connection);

    uv_loop_t* loop_;
    OnConnection on_connection_;
    OnFailure on_failure_;
    MayAccept may_accept_;
    bool is_unix_;
    files::Descriptor socket_;
    UvHandle<uv_poll_t> poll_;
    Timer pause_;
    files::Descriptor waiting_;
};

}  // namespace policyd::async
