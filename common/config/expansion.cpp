#include "common/config/expansion.hpp"

#include <stdexcept>
#include <string>

#include "common/config/options.hpp"

namespace policyd::config {
namespace {

constexpr int kDeepest = 20;

/// The name that follows a dollar sign and how much of the text it takes.
struct Reference {
    std::string_view name;
    std::size_t length = 0;
};

bool IsNameLetter(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Reference ReferenceAt(std::string_view text) {
    if (text.starts_with('{') || text.starts_with('(')) {
        const std::size_t end = text.find(text.front() == '{' ? '}' : ')');
        if (end == std::string_view::npos) throw std::invalid_argument("a ${...} without its end");
        return {text.substr(1, end - 1), end + 1};
    }
    std::size_t length = 0;
    while (length < text.size() && IsNameLetter(text[length])) ++length;
    return {text.substr(0, length), length};
}

class Expander {
public:
    explicit Expander(const Settings& settings) : settings_(settings) {}

    std::string Expand(std::string_view text, int depth = 0) const {
        if (depth > kDeepest) throw std::invalid_argument("a value that leads to itself");
        std::string expanded;
        while (!text.empty()) {
            const std::size_t dollar = text.find('$');
            expanded += text.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            text.remove_prefix(dollar + 1);
            if (text.starts_with('$')) {
                expanded += '$';
                text.remove_prefix(1);
                continue;
            }
            const Reference reference = ReferenceAt(text);
            expanded += Expand(ValueOf(reference.name), depth + 1);
            text.remove_prefix(reference.length);
        }
        return expanded;
    }

private:
    std::string ValueOf(std::string_view name) const {
        const Option* option = FindOption(name);
        if (option != nullptr && option->section == Section::kMailSystem) {
            if (const auto* text = std::get_if<std::string Settings::*>(&option->field))
                return settings_.**text;
            if (const auto* list = std::get_if<Strings Settings::*>(&option->field))
                return Joined(settings_.**list);
        }
        throw std::invalid_argument(
            "$" + std::string(name) +
            " is not a text option of the mail system; write $$ for a dollar sign");
    }

    static std::string Joined(const Strings& list) {
        std::string joined;
        for (const std::string& element : list) joined += (joined.empty() ? "" : ", ") + element;
        return joined;
    }

    const Settings& settings_;
};

void ExpandOption(const Expander& expander, const Option& option, Settings& expanded) {
    if (const auto* text = std::get_if<std::string Settings::*>(&option.field))
        expanded.** text = expander.Expand(expanded.**text);
    if (const auto* list = std::get_if<Strings Settings::*>(&option.field))
        for (std::string& element : expanded.**list) element = expander.Expand(element);
}

/// mydomain where nobody sets it.
std::string ParentOf(const std::string& host) {
    const std::size_t dot = host.find('.');
    return dot == std::string::npos ? "localdomain" : host.substr(dot + 1);
}

Settings WithDomain(Settings settings) {
    if (!settings.mydomain.empty()) return settings;
    try {
        settings.mydomain = ParentOf(Expander(settings).Expand(settings.myhostname));
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("myhostname: " + std::string(error.what()));
    }
    if (settings.mydomain.empty())
        throw std::invalid_argument("mydomain: needs a value, for myhostname ends in a dot");
    return settings;
}

}  // namespace

Settings Expanded(const Settings& unexpanded) {
    const Settings settings = WithDomain(unexpanded);
    const Expander expander(settings);
    Settings expanded = settings;
    for (const Option& option : Options()) {
        if (option.section != Section::kMailSystem) continue;
        try {
            ExpandOption(expander, option, expanded);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(std::string(option.name) + ": " + error.what());
        }
    }
    return expanded;
}

}  // namespace policyd::config
