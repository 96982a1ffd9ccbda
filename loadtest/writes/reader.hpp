#pragma once

#include <hiredis/hiredis.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace policyd::loadtest::writes {

struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

/// Connects to a UNIX socket. Throws std::runtime_error.
Context Connect(const std::string& socket);

/// Reads a mailbox every millisecond, as a policy server with a thousand requests a second does,
/// and writes down how long each reading took, until it is destroyed.
class Reader {
public:
    Reader(const std::string& socket, std::vector<std::string> keys);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// What is read from now on is kept in `micros`, which outlives the reader; null: nowhere.
    void KeepIn(std::vector<double>* micros) { micros_ = micros; }

private:
    void Run();

    Context redis_;
    std::vector<std::string> keys_;
    std::atomic<std::vector<double>*> micros_{nullptr};
    std::atomic<bool> stopped_{false};
    std::thread thread_;
};

}  // namespace policyd::loadtest::writes
