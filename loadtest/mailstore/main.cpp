#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "loadtest/mailstore/bare_scan.hpp"
#include "loadtest/mailstore/renamer.hpp"
#include "loadtest/mailstore/store_generator.hpp"

namespace policyd::loadtest::mailstore {

namespace {

/// The usage of each mailbox, in a file that is opened before the work, which takes minutes.
class Truth {
public:
    explicit Truth(const std::string& path) : path_(path), file_(path) { Check(); }

    void Write(const std::vector<TrueUsage>& usage) {
        for (const TrueUsage& mailbox : usage)
            file_ << mailbox.mailbox << '\t' << mailbox.bytes << '\t' << mailbox.messages << '\n';
        file_.close();
        Check();
    }

private:
    void Check() const {
        if (!file_) throw std::runtime_error("cannot write " + path_);
    }

    const std::string path_;
    std::ofstream file_;
};

void Make(const std::string& root, const StoreShape& shape, const std::string& truth_path) {
    std::optional<Truth> truth;
    if (!truth_path.empty()) truth.emplace(truth_path);
    const std::vector<TrueUsage> usage = GenerateStore(root, shape, [](std::uint64_t messages) {
        std::fprintf(stderr, "\r%llu messages", static_cast<unsigned long long>(messages));
    });
    if (truth) truth->Write(usage);
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    for (const TrueUsage& mailbox : usage) {
        bytes += mailbox.bytes;
        messages += mailbox.messages;
    }
    std::printf("\n%zu mailboxes, %llu messages, %llu bytes\n", usage.size(),
                static_cast<unsigned long long>(messages), static_cast<unsigned long long>(bytes));
}

void Bare(const std::string& root) {
    const BareScan scan = ScanBarely(root);
    std::printf(
        "%llu directories, %llu files asked; CPU seconds: %.3f looks, %.3f names, %.3f all\n",
        static_cast<unsigned long long>(scan.directories),
        static_cast<unsigned long long>(scan.asked), scan.looks, scan.names_only, scan.readings);
}

void Change(const std::string& root, double share, std::uint64_t seed) {
    for (const std::string& file : ChangeStore(root, share, seed)) std::puts(file.c_str());
}

/// Unlike CLI::Range, it takes "nan" for no number.
CLI::Validator Between(double least, double most) {
    const auto check = [least, most](const std::string& text) -> std::string {
        double number = 0;
        if (CLI::detail::lexical_cast(text, number) && number >= least && number <= most) return {};
        std::ostringstream complaint;
        complaint << text << ": must be a number from " << least << " to " << most;
        return complaint.str();
    };
    return CLI::Validator(check, "NUMBER");
}

int Main(int argc, char** argv) {
    CLI::App app("Makes mail stores to measure scanners with.");
    app.require_subcommand(1);
    std::string root;
    StoreShape shape;
    std::string truth;
    CLI::App* const make = app.add_subcommand("make", "Make a mail store");
    make->add_option("root", root, "A directory that is empty or not there")->required();
    make->add_option("--seed", shape.seed)->capture_default_str();
    constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
    const CLI::Range at_least_one(std::uint32_t{1}, kMost);
    make->add_option("--domains", shape.domains)->check(at_least_one)->capture_default_str();
    make->add_option("--mailboxes", shape.mailboxes)->check(at_least_one)->capture_default_str();
    make->add_option("--messages", shape.messages)
        ->check(CLI::Range(std::uint32_t{0}, kMost))
        ->capture_default_str();
    make->add_option("--folders", shape.folders, "Folders of a mailbox, on average")
        ->check(Between(1, kMostFolders))
        ->capture_default_str();
    make->add_option("--named-sizes", shape.named_sizes, "Share of the names with ,S=")
        ->check(Between(0, 1))
        ->capture_default_str();
    make->add_option("--truth", truth, "File for the usage of each mailbox");
    double share = 0.01;
    std::uint64_t seed = 1;
    CLI::App* const change =
        app.add_subcommand("change", "Deliver into some directories of one, and name the files");
    change->add_option("root", root)->required();
    change->add_option("--share", share, "Share of all new and cur")
        ->check(Between(0, 1))
        ->capture_default_str();
    change->add_option("--seed", seed)->capture_default_str();
    CLI::App* const bare = app.add_subcommand(
        "bare", "Time the system calls that a scan cannot do without, in one thread");
    bare->add_option("root", root)->required();
    std::vector<std::string> maildirs;
    CLI::App* const rename = app.add_subcommand(
        "rename", "Rename the messages of Maildirs at full speed, until SIGTERM");
    rename->add_option("maildirs", maildirs)->required();
    CLI11_PARSE(app, argc, argv);
    try {
        if (make->parsed()) Make(root, shape, truth);
        if (change->parsed()) Change(root, share, seed);
        if (bare->parsed()) Bare(root);
        if (rename->parsed())
            std::printf("%llu renames\n",
                        static_cast<unsigned long long>(RenameUntilTerminated(maildirs)));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "policyd-mailstore: %s\n", failure.what());
        return 1;
    }
    return 0;
}

}  // namespace

}  // namespace policyd::loadtest::mailstore

int main(int argc, char** argv) {
    return policyd::loadtest::mailstore::Main(argc, argv);
}
