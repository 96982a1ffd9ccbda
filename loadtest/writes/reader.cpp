#include "loadtest/writes/reader.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace policyd::loadtest::writes {

namespace {

struct Reading {
    Clock::time_point began;
    Clock::duration took;
};

}  // namespace

struct Reader::Readings {
    std::atomic<std::size_t> count;
    std::atomic<bool> has_failed;
    std::array<Reading, 1'000'000> kept;  // of a quarter of an hour

    void Make(redisContext* redis, const std::vector<std::string>& keys);
};

void Reader::Unmap::operator()(Readings* readings) const {
    munmap(readings, sizeof(Readings));
}

Context Connect(const std::string& socket) {
    Context context(redisConnectUnix(socket.c_str()));
    if (context == nullptr || context->err != 0)
        throw std::runtime_error("cannot connect to " + socket);
    return context;
}

Reader::Reader(const std::string& socket, const std::vector<std::string>& keys) {
    void* const shared = mmap(nullptr, sizeof(Readings), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    readings_.reset(static_cast<Readings*>(shared));  // zeroes are what it begins with
    process_ = fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    try {
        readings_->Make(Connect(socket).get(), keys);
    } catch (const std::runtime_error&) {
        // has_failed says so.
    }
    readings_->has_failed = true;
    _exit(1);
}

Reader::~Reader() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

void Reader::Readings::Make(redisContext* redis, const std::vector<std::string>& keys) {
    auto due = Clock::now();
    for (std::size_t i = 0; count < kept.size(); i = (i + 7) % keys.size()) {
        due += std::chrono::milliseconds(1);
        std::this_thread::sleep_until(due);
        const auto began = Clock::now();
        void* const reply = redisCommand(redis, "HGET %s u", keys[i].c_str());
        const auto ended = Clock::now();
        if (reply == nullptr) return;
        freeReplyObject(reply);
        kept[count] = {began, ended - began};
        ++count;
        if (ended > due) due = ended;
    }
}

std::vector<double> Reader::Took(Clock::time_point from, Clock::time_point to) const {
    if (readings_->has_failed) throw std::runtime_error("the reader has stopped");
    std::vector<double> micros;
    const std::size_t count = readings_->count;
    for (std::size_t i = 0; i < count; ++i) {
        const Reading& reading = readings_->kept[i];
        if (reading.began >= from && reading.began < to)
            micros.push_back(std::chrono::duration<double, std::micro>(reading.took).count());
    }
    return micros;
}

}  // namespace policyd::loadtest::writes
