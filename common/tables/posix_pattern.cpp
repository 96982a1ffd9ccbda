#include "common/tables/posix_pattern.hpp"

#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// The C library remembers each state that a key has led it to, up to one for each of its bytes and
/// 2 KB or more each, for as long as the expression is compiled: where the expression has very
/// many, whoever sends keys could fill the memory. Postfix's daemons end after max_use clients.
constexpr std::size_t kBytesUntilCompiledAnew = 4096;

int OptionsFrom(const PatternText& text) {
    int options = REG_EXTENDED | REG_ICASE;
    for (const char flag : text.flags) {
        switch (flag) {
            case 'i':
                options ^= REG_ICASE;
                break;
            case 'm':
                options ^= REG_NEWLINE;
                break;
            case 'x':
                options ^= REG_EXTENDED;
                break;
            default:
                throw std::invalid_argument("there is no flag '" +
                                            text::EscapedForLog(std::string(1, flag)) +
                                            "' in regexp: tables");
        }
    }
    return options;
}

}  // namespace

PosixPattern::PosixPattern(const PatternText& text, bool needs_groups)
    : expression_(text.expression), options_(OptionsFrom(text)) {
    if (!needs_groups) options_ |= REG_NOSUB;
    const int error = regcomp(&compiled_, expression_.c_str(), options_);
    if (error != 0) throw std::invalid_argument(Failure(error));
    if (needs_groups) groups_.resize(compiled_.re_nsub + 1);
}

PosixPattern::~PosixPattern() {
    regfree(&compiled_);
}

bool PosixPattern::Matches(const std::string& key) {
    seen_ += key.size();
    if (seen_ > kBytesUntilCompiledAnew) CompileAnew();
    const int error = regexec(&compiled_, key.c_str(), groups_.size(), groups_.data(), 0);
    if (error != 0 && error != REG_NOMATCH) throw MatchFailure(Failure(error));
    return error == 0;
}

void PosixPattern::CompileAnew() {
    regex_t anew{};
    const int error = regcomp(&anew, expression_.c_str(), options_);
    if (error != 0) throw MatchFailure(Failure(error));
    regfree(&compiled_);
    compiled_ = anew;
    seen_ = 0;
}

std::string_view PosixPattern::Group(std::size_t n, const std::string& key) const {
    const regmatch_t& group = groups_.at(n);
    if (group.rm_so < 0) return {};
    return std::string_view(key).substr(static_cast<std::size_t>(group.rm_so),
                                        static_cast<std::size_t>(group.rm_eo - group.rm_so));
}

std::string PosixPattern::Failure(int error) const {
    char text[256];
    regerror(error, &compiled_, text, sizeof(text));
    return text;
}

}  // namespace policyd::tables
