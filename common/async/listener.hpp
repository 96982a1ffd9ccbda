#pragma once

#include <uv.h>

#include <functional>
#include <string>

#include "common/async/endpoint.hpp"
#include "common/async/uv_handle.hpp"

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
    /// answers is not. Throws std::runtime_error that names the endpoint and the reason.
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
    std::string own_path_;     // what the destructor removes
    std::uint64_t inode_ = 0;  // of own_path_, when it was made
};

/// Accepts connections of one listening socket on one loop. Loop thread; its constructor throws
/// UvError.
class Listener {
public:
    /// Called on the loop thread for every connection.
    using OnConnection = std::function<void(UvHandle<uv_any_handle>)>;
    /// Called before that: whether the connection may be accepted now. If not, whoever connected
    /// waits for AcceptWaiting().
    using MayAccept = std::function<bool()>;

    Listener(
        uv_loop_t* loop, const ListeningSocket& socket, OnConnection on_connection,
        MayAccept may_accept = [] { return true; });
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// Accepts the connection that had to wait, whatever MayAccept says, and asks for the next.
    void AcceptWaiting() { Accept(); }

private:
    void OnIncoming();
    void Accept();

    uv_loop_t* loop_;
    OnConnection on_connection_;
    MayAccept may_accept_;
    bool is_unix_;
    UvHandle<uv_any_handle> handle_;
};

}  // namespace policyd::async
