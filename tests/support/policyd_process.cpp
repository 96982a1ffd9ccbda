#include "tests/support/policyd_process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "tests/support/paths.hpp"

namespace policyd::test {

namespace fs = std::filesystem;

PolicydProcess::PolicydProcess(fs::path config, int port, Options options)
    : config_(std::move(config)),
      port_(port),
      options_(std::move(options)),
      output_(scratch_ / "policyd.out") {
    Start();
}

PolicydProcess::PolicydProcess(fs::path config, fs::path socket, Options options)
    : config_(std::move(config)),
      socket_(std::move(socket)),
      options_(std::move(options)),
      output_(scratch_ / "policyd.out") {
    Start();
}

PolicydProcess::~PolicydProcess() {
    if (ended_) return;
    EXPECT_TRUE(IsRunning()) << "policyd has ended by itself:\n" << Output();
    if (!IsRunning()) return;
    const int status = Stop();
    EXPECT_EQ(status, 0) << Output();
}

void PolicydProcess::Start() {
    ended_ = false;
    std::vector<std::string> command = options_.wrapper;
    command.push_back(ProgramPath("policyd"));
    command.insert(command.end(), {"--config", config_.string()});
    Process::Options options;
    options.output = output_;
    options.environment = options_.environment;
    process_ = std::make_unique<Process>(std::move(command), options);
    const auto listens_or_ended = [this] { return Listens() || !process_->IsRunning(); };
    WaitUntil("policyd to listen", listens_or_ended, output_);
    if (!process_->IsRunning()) throw std::runtime_error("policyd does not start:\n" + Output());
}

int PolicydProcess::Stop() {
    process_->Signal(SIGTERM);
    return Wait();
}

int PolicydProcess::Wait() {
    const std::optional<int> status = process_->Wait();
    ended_ = status.has_value();
    if (!status) throw std::runtime_error("policyd does not stop:\n" + Output());
    return *status;
}

void PolicydProcess::Kill() {
    ended_ = true;
    process_->Signal(SIGKILL);
    process_->Wait();
}

bool PolicydProcess::Listens() const {
    return socket_.empty() ? CanConnect(port_) : CanConnect(socket_);
}

void PolicydProcess::WaitForOutput(const std::string& text) const {
    WaitUntil(
        "policyd to print \"" + text + '"',
        [&] { return Output().find(text) != std::string::npos; }, output_);
}

std::size_t PolicydProcess::Memory() const {
    std::ifstream statm("/proc/" + std::to_string(Pid()) + "/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    constexpr std::size_t kPage = 4096;
    return resident * kPage;
}

std::size_t PolicydProcess::Descriptors() const {
    const fs::directory_iterator open("/proc/" + std::to_string(Pid()) + "/fd");
    return static_cast<std::size_t>(std::distance(fs::begin(open), fs::end(open)));
}

}  // namespace policyd::test
