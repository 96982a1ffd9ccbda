#pragma once

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tests/unit/loadtest/scripted_server.hpp"

namespace policyd::loadtest {

/// A ScriptedServer on a thread of its own; its answers are asked for there.
class ServerThread {
public:
    explicit ServerThread(ScriptedServer::Answer answer)
        : server_(std::in_place, loop_, std::move(answer)),
          address_(server_->Address().ToText()),
          thread_([this] { Serve(); }) {}
    ~ServerThread() {
        loop_.Post([this] { stopping_ = true; });
        thread_.join();
    }
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;

    /// As --server takes it.
    const std::string& Address() const { return address_; }

private:
    void Serve() {
        while (!stopping_) loop_.RunOnce();
        server_.reset();
        loop_.Drain();
    }

    async::EventLoop loop_;
    std::optional<ScriptedServer> server_;
    std::string address_;
    bool stopping_ = false;  // loop thread
    std::thread thread_;
};

}  // namespace policyd::loadtest
