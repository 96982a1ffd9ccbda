#pragma once

#include <algorithm>

#include "tests/integration/lookup_agreement_case.hpp"

// Keys and values: what administrators write, and what attackers send.

namespace policyd::test {

inline std::string LookupCaseGenerator::Local() {
    static constexpr const char* kLocals[] = {
        "joe",       "JOE", "o'neil", "a\\b",   "a%b", "a_b",   "josé", "JOSÉ", "straße",
        "x\"y",      "a@b", " lead",  "trail ", "+x",  "名前",  "a--b", "a;b",  "#a",
        "?",         "$x",  ":x",     "a`b",    "%s",  "%u%d",  "NULL", "0",    "1",
        "' OR ''='", "\"",  "'",      "\\",     "\\'", "a\xff", "\xc3", "😀",    "İ",
        "a b",       "!x",  "[x]",    "{x}",    "a=b", "sales", "info", "ß",    "ﬁ"};
    if (OneIn(60)) return std::string(static_cast<std::size_t>(Below(5000)), 'l');
    return Any(kLocals);
}

inline std::string LookupCaseGenerator::Domain() {
    static constexpr const char* kDomains[] = {"example.com",
                                               "Example.COM",
                                               "sub.example.com",
                                               "a.b.c.d.e.f.g.h.i.j",
                                               "example..com",
                                               ".example.com",
                                               "example.com.",
                                               "localhost",
                                               "bücher.example",
                                               "BÜCHER.example",
                                               "x'y.com",
                                               "[192.0.2.1]",
                                               "com",
                                               "example.org",
                                               "one.two.three.four",
                                               ".",
                                               "\xff.com"};
    return Any(kDomains);
}

inline std::string LookupCaseGenerator::Key() {
    switch (Below(8)) {
        case 0:
            return Local();
        case 1:
            return Domain();
        case 2:
            return "@" + Domain();
        case 3:
            return Local() + "@";
        default:
            return Local() + "@" + Domain();
    }
}

inline std::string LookupCaseGenerator::Value() {
    static constexpr const char* kValues[] = {"OK",
                                              "joe@example.com",
                                              "@example.com",
                                              "joe@",
                                              "a, b@c.example",
                                              "Joe",
                                              "x@y@z",
                                              "smtp:[192.0.2.1]",
                                              "100%",
                                              "%s",
                                              "é",
                                              "a'b\\c",
                                              "0",
                                              "1.50",
                                              "value with  blanks",
                                              "REJECT no",
                                              "@"};
    return Any(kValues);
}

inline std::vector<std::string> LookupCaseGenerator::SomeKeys() {
    std::vector<std::string> keys;
    while (keys.size() < 12) {
        const std::string key = Key();
        if (key != "-" && std::find(keys.begin(), keys.end(), key) == keys.end())
            keys.push_back(key);
    }
    return keys;
}

}  // namespace policyd::test
