#pragma once

#include <string_view>

namespace policyd::protocol {

/// A word of access(5) that an action begins with, upper or lower case.
struct ActionWord {
    enum class Effect {
        kNothing,
        kNote,           ///< something is logged
        kAside,          ///< what becomes of a message that is let pass, or of one that is refused
        kDeferIfPermit,  ///< a message that would be let pass is refused for now
        kPermit,         ///< what follows in Postfix's list is skipped
        kDecide,         ///< refused, or discarded
    };

    std::string_view name;
    Effect effect;
    /// Whether Postfix does as the word says with that argument, which is trimmed; where not, it
    /// warns and does nothing.
    bool (*takes)(std::string_view argument);
    const char* with_argument = "";  ///< what would be right, where not every argument is
    bool last_counts = false;        ///< of several with this word
};

/// The word of an action, or null where it begins with another: a reply code, digits, `permit`.
const ActionWord* FindActionWord(std::string_view action);

/// A policy service answers with one action: whether of two that do not decide this one takes the
/// place of an earlier one. Postfix follows the last of several FILTER or REDIRECT.
bool Outdoes(std::string_view action, std::string_view earlier);

}  // namespace policyd::protocol
