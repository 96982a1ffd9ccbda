#include "loadtest/expectation.hpp"

namespace policyd::loadtest {

Expectation::Expectation(std::string_view text) : text_(text) {
    for (const Verdict verdict : kVerdicts)
        if (text == VerdictName(verdict)) verdict_ = verdict;
}

bool Expectation::IsMetBy(std::string_view action, Verdict verdict) const {
    return verdict_ ? *verdict_ == verdict : action == text_;
}

}  // namespace policyd::loadtest
