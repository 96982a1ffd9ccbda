#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/targets.hpp"

// Gives every target the files of its corpus, or one target the files that are named: built with
// any compiler, it is a part of the ordinary test run.
//
//     fuzz_replay CORPUS            the corpora of all targets
//     fuzz_replay TARGET FILE...    to see a finding again

namespace {

namespace fs = std::filesystem;

void Replay(const policyd::fuzz::Target& target, const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    target.run(bytes);
}

int ReplayCorpora(const fs::path& corpora) {
    for (const policyd::fuzz::Target& target : policyd::fuzz::Targets()) {
        std::size_t files = 0;
        target.run({});
        std::error_code missing;
        for (fs::directory_iterator i(corpora / target.name, missing), end; !missing && i != end;
             ++i, ++files)
            Replay(target, i->path());
        std::printf("%s: %zu files\n", std::string(target.name).c_str(), files);
        if (files == 0) return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2) return ReplayCorpora(argv[1]);
    const auto* target = argc > 2 ? policyd::fuzz::FindTarget(argv[1]) : nullptr;
    if (target == nullptr) {
        std::fputs("fuzz_replay CORPUS | fuzz_replay TARGET FILE...\n", stderr);
        return 64;
    }
    for (int i = 2; i < argc; ++i) Replay(*target, argv[i]);
    return 0;
}
