#include "loadtest/writes/reader.hpp"

#include <time.h>

#include <chrono>
#include <stdexcept>

namespace policyd::loadtest::writes {

using Clock = std::chrono::steady_clock;

Context Connect(const std::string& socket) {
    Context context(redisConnectUnix(socket.c_str()));
    if (context == nullptr || context->err != 0)
        throw std::runtime_error("cannot connect to " + socket);
    return context;
}

Reader::Reader(const std::string& socket, std::vector<std::string> keys)
    : redis_(Connect(socket)), keys_(std::move(keys)), thread_([this] { Run(); }) {}

Reader::~Reader() {
    stopped_ = true;
    thread_.join();
}

void Reader::Run() {
    auto due = Clock::now();
    for (std::size_t i = 0; !stopped_; i = (i + 7) % keys_.size()) {
        due += std::chrono::milliseconds(1);
        std::this_thread::sleep_until(due);
        std::vector<double>* const micros = micros_;
        const auto begin = Clock::now();
        void* const reply = redisCommand(redis_.get(), "HGET %s u", keys_[i].c_str());
        const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
        if (reply == nullptr) return;
        freeReplyObject(reply);
        if (micros != nullptr) micros->push_back(took.count());
        if (Clock::now() > due) due = Clock::now();
    }
}

}  // namespace policyd::loadtest::writes
