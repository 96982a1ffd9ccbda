#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/targets.hpp"

// libFuzzer's end: the environment variable FUZZ_TARGET says which target is searched.

namespace {

const policyd::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* name = std::getenv("FUZZ_TARGET");
    target = name == nullptr ? nullptr : policyd::fuzz::FindTarget(name);
    if (target != nullptr) return 0;
    std::fputs("FUZZ_TARGET is to be one of:", stderr);
    for (const auto& each : policyd::fuzz::Targets())
        std::fprintf(stderr, " %.*s", static_cast<int>(each.name.size()), each.name.data());
    std::fputs("\n", stderr);
    std::exit(64);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    target->run(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
