#pragma once

#include <algorithm>

#include "tests/integration/lookup_agreement_keys.hpp"

// Tables that are text: texthash:, inline:, cidr:, regexp: and pcre:.

namespace policyd::test {

inline LookupCase LookupCaseGenerator::Texthash() {
    static constexpr const char* kBlanks[] = {" ", "\t", "   ", " \t ", "\v", "\n ", "\n#c\n\t"};
    static constexpr const char* kEnds[] = {"\n", "\n", "\n", " \n", "\r\n", "\n\n", "\n# x\n"};
    static constexpr const char* kOdd[] = {" starts with blank\n",
                                           "key\n",
                                           "\"a b\" quoted\n",
                                           "\"unbalanced x\n",
                                           "alias: x\n",
                                           "# a\n",
                                           "\\a b\n",
                                           "a\\ b c\n",
                                           "x \xff\n",
                                           "\xff y\n",
                                           "a\"b\"c d\n",
                                           "=\n"};
    LookupCase lookup;
    lookup.keys = SomeKeys();
    std::string text;
    for (int i = Below(14); i > 0; --i) {
        if (OneIn(4)) {
            text += Any(kOdd);
            continue;
        }
        const std::string key = OneIn(2) ? Key() : lookup.keys[static_cast<std::size_t>(Below(12))];
        text += key + Any(kBlanks) + Value() + Any(kEnds);
    }
    for (const char* key : {"key", "\"a b\"", "alias:", "alias", "\\a", "a\\ b", "a\"b\"c"})
        if (OneIn(3) && std::find(lookup.keys.begin(), lookup.keys.end(), key) == lookup.keys.end())
            lookup.keys.push_back(key);
    lookup.files["table"] = text;
    lookup.table = "texthash:{DIR}/table";
    return lookup;
}

inline LookupCase LookupCaseGenerator::Inline() {
    LookupCase lookup;
    lookup.keys = SomeKeys();
    std::string entries;
    for (int i = Below(6); i > 0; --i) {
        const std::string key = OneIn(2) ? Key() : lookup.keys[static_cast<std::size_t>(Below(12))];
        switch (Below(8)) {
            case 0:
                entries += " " + key + "=" + Value();
                break;
            case 1:
                entries += ", " + key + "=";
                break;
            case 2:
                entries += "{" + key + " = " + Value() + " }";
                break;
            case 3:
                entries += "{" + key + "}";
                break;
            case 4:
                entries += ", {=x}";
                break;
            default:
                entries += ", { " + key + "= " + Value() + "}";
                break;
        }
    }
    lookup.table = "inline:{" + entries + (OneIn(20) ? "" : "}");
    return lookup;
}

inline std::string LookupCaseGenerator::AddressText() {
    static constexpr const char* kIpv6[] = {"2001:db8::1",
                                            "2001:DB8::1",
                                            "2001:db8:0:0::1",
                                            "2001:db8:1::",
                                            "::",
                                            "::1",
                                            "::ffff:10.0.0.1",
                                            "fe80::1%eth0",
                                            "2001:db8:8000::5",
                                            "2001:db8:0:1::7",
                                            "2001:db8::1:0:0:1"};
    static constexpr const char* kBad[] = {"10.0.0", "10.0.0.01", "10.0.0.256", "unknown",
                                           "",       "10.0.0.1 ", "[10.0.0.1]", "10.0.0.1/32",
                                           "::g",    ":"};
    if (OneIn(12)) return Any(kBad);
    if (OneIn(3)) return Any(kIpv6);
    return "10." + std::to_string(Below(2)) + "." + std::to_string(Below(3)) + "." +
           std::to_string(OneIn(2) ? Below(4) : Below(256));
}

inline std::string LookupCaseGenerator::CidrPattern() {
    static constexpr const char* kIpv6[] = {
        "2001:db8::/32", "2001:db8::/33",     "2001:db8:8000::/33", "2001:DB8::1",
        "::/0",          "2001:db8:0:1::/64", "2001:db8::1/64",     "::ffff:0:0/96",
        "[2001:db8::1]", "[2001:db8::]/48",   "2001:db8::/129"};
    static constexpr const char* kBad[] = {"10.0.0",       "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                                           "[10.0.0.1",    "[10.0.0.1]x", "word",      "10.0.0.300",
                                           "10.0.0.0/8/8", "0/0",         "!"};
    std::string sign = OneIn(10) ? "!" : "";
    if (OneIn(60)) sign = "! !";
    if (OneIn(20)) return sign + Any(kBad);
    if (OneIn(4)) return sign + Any(kIpv6);
    const int length = Below(26) + 8;
    if (length > 32)
        return sign + "10." + std::to_string(Below(2)) + ".0." + std::to_string(Below(4));
    std::uint32_t bits = 10U << 24 | static_cast<std::uint32_t>(Below(2)) << 16 |
                         static_cast<std::uint32_t>(Below(3)) << 8 |
                         static_cast<std::uint32_t>(Below(256));
    if (!OneIn(20)) bits &= ~std::uint32_t{0} << (32 - length);
    std::string address;
    for (int shift = 24; shift >= 0; shift -= 8)
        address += (address.empty() ? "" : ".") + std::to_string(bits >> shift & 255);
    return sign + (OneIn(20) ? "[" + address + "]/" + std::to_string(length)
                             : address + "/" + std::to_string(length));
}

inline std::string LookupCaseGenerator::CidrLine(int& depth) {
    static constexpr const char* kBlanks[] = {" ", "\t", "    ", "\n  "};
    static constexpr const char* kOdd[] = {
        "# comment\n",       "\n",         "  # x\n",          " continued\n",
        "endif x\n",         "if\n",       "endif\n",          "ifx\n",
        "if 10.0.0.0/8 x\n", "10.0.0.1\n", "10.0.0.2 v\xff\n", "10.0.0.3 x\r\n"};
    static constexpr const char* kIf[] = {"if ", "IF\t", "If ", "if  "};
    static constexpr const char* kEndif[] = {"endif\n", "ENDIF \n", "EndIf\n"};
    if (OneIn(12)) return Any(kOdd);
    if (OneIn(8)) {
        ++depth;
        return Any(kIf) + CidrPattern() + "\n";
    }
    if (depth > 0 && OneIn(4)) {
        --depth;
        return Any(kEndif);
    }
    return CidrPattern() + Any(kBlanks) + Value() + std::to_string(Below(100)) + "\n";
}

inline LookupCase LookupCaseGenerator::Cidr() {
    LookupCase lookup;
    std::string text;
    int depth = 0;
    for (int i = Below(25); i > 0; --i) text += CidrLine(depth);
    if (!OneIn(4)) {
        for (; depth > 0; --depth) text += "endif\n";
    }
    while (lookup.keys.size() < 16) {
        const std::string key = AddressText();
        if (std::find(lookup.keys.begin(), lookup.keys.end(), key) == lookup.keys.end())
            lookup.keys.push_back(key);
    }
    lookup.files["table"] = text;
    lookup.table = "cidr:{DIR}/table";
    return lookup;
}

inline std::string LookupCaseGenerator::Expression(const std::string& type) {
    static constexpr const char* kPieces[] = {
        "^",     "$",     ".",           ".*",      "[a-z]+", "(joe|sales)", "@",
        "(.*)",  "(.+)",  "example",     "\\.com",  "\\.",    "(a)?",        "[[:alpha:]]",
        "\\$",   "é",     "É",           "b{2}",    "x|y",    "a\\/b",       "()",
        "[^@]*", "(o'n)", "[[:upper:]]", "(e(x)a)", "JOE",    " ",           "\\\\",
        "(.)",   "o?",    "(^a|e$)",     "[0-9]",   "ß",      "\xc3"};
    static constexpr const char* kPerl[] = {"\\d",   "(?i)",    "(?-i)", "(?=.)", "\\bjoe",
                                            "(?:x)", "(?<n>e)", "\\w+",  "\\x40", "(?!joe)."};
    static constexpr const char* kPosix[] = {"\\<", "\\>", "\\w", "\\+", "\\(a\\)"};
    // No "*" and "+": behind a group that repeats they take longer than ours will wait.
    static constexpr const char* kBad[] = {"(", ")", "[a", "{1", "\\", "[z-a]"};
    std::string expression;
    for (int i = Below(5); i > 0; --i) {
        if (OneIn(40)) {
            expression += Any(kBad);
        } else if (OneIn(5)) {
            expression += type == "pcre" ? Any(kPerl) : Any(kPosix);
        } else {
            expression += Any(kPieces);
        }
    }
    return expression;
}

inline std::string LookupCaseGenerator::PatternLine(const std::string& type, int& depth) {
    static constexpr const char* kOdd[] = {"# comment\n", "\n",       "  # x\n",   " continued\n",
                                           "endif x\n",   "if\n",     "endif\n",   "ifx\n",
                                           "if /e/ x\n",  "word x\n", "/a\n",      "!\n",
                                           "/j/ v\xff\n", "/x/\n",    "/o/ x\r\n", "! /e/ y \n"};
    static constexpr const char* kIf[] = {"if ", "IF\t", "If ", "if", "if  !", "if! "};
    static constexpr const char* kEndif[] = {"endif\n", "ENDIF \n", "EndIf\n"};
    static constexpr const char* kFlags[] = {"", "", "", "", "i", "m", "x", "ii", "im"};
    static constexpr const char* kPerlFlags[] = {"s", "A", "E", "U", "X", "AU", "q", "!", "?"};
    static constexpr const char* kResults[] = {
        "$1",  "${1}", "$(2)", "$2@$1", "$1@new.example", "$$1", "$$", "${1}${2}", "$0", "$x", "$",
        "${1", "$1x",  "${}",  "$(",    "REJECT $1 no"};
    static constexpr const char* kBlanks[] = {" ", "\t", "    ", "\n  "};
    if (OneIn(12)) return Any(kOdd);
    if (depth > 0 && OneIn(4)) {
        --depth;
        return Any(kEndif);
    }
    const char delimiter = OneIn(8) ? "|,\"#"[Below(4)] : '/';
    const auto pattern = [&] {
        const std::string flags = OneIn(8) ? (type == "pcre" ? Any(kPerlFlags) : "!") : Any(kFlags);
        return delimiter + Expression(type) + delimiter + flags;
    };
    if (OneIn(8)) {
        ++depth;
        return Any(kIf) + pattern() + "\n";
    }
    std::string line = (OneIn(8) ? "!" : "") + pattern();
    if (line[0] == '#') line = "!!" + line;
    if (type == "regexp" && OneIn(6)) line += '!' + pattern();
    return line + Any(kBlanks) + (OneIn(3) ? Any(kResults) : Value()) + "\n";
}

inline LookupCase LookupCaseGenerator::Patterns(const std::string& type) {
    LookupCase lookup;
    lookup.keys = SomeKeys();
    std::erase_if(lookup.keys, [](const std::string& key) { return key.size() > 40; });
    int depth = 0;
    std::string text;
    if (OneIn(10)) {
        for (int i = Below(5); i > 0; --i) {
            std::string line = PatternLine(type, depth);
            line.erase(std::remove(line.begin(), line.end(), '\n'), line.end());
            text += (OneIn(3) ? ", {" : " { ") + line + (OneIn(30) ? "" : "}");
        }
        lookup.table = type + ":{" + text + "}";
        return lookup;
    }
    for (int i = Below(14); i > 0; --i) text += PatternLine(type, depth);
    if (!OneIn(4)) {
        for (; depth > 0; --depth) text += "endif\n";
    }
    lookup.files["table"] = text;
    lookup.table = type + ":{DIR}/table";
    return lookup;
}

}  // namespace policyd::test
