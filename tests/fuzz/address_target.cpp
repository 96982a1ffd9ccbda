#include "common/mail/address.hpp"
#include "common/mail/address_list.hpp"
#include "common/mail/address_literal.hpp"
#include "common/mail/address_rewriting.hpp"
#include "common/mail/domain_name.hpp"
#include "common/text/utf8.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunAddress(std::string_view bytes) {
    mail::RewritingRules rules;
    rules.myorigin = "mx.example.com";
    rules.mydomain = "example.com";
    mail::Rewritten(bytes, rules);
    mail::RewrittenExternal(bytes, rules);
    mail::Unquoted(bytes);
    mail::ParseAddressList(bytes);
    mail::AddressInLiteral(bytes);
    mail::IsAddressLiteral(bytes);
    mail::NormalizedIpAddress(bytes);
    mail::IsValidDomain(mail::Domain(bytes).value_or(bytes));
    text::EscapedForLog(bytes);
    if (mail::IsPlain(bytes))
        Require(mail::Quoted(bytes) == bytes, "plain addresses need no quotes");
    if (const auto split = mail::SplitExtension(bytes, {"+-"}))
        Require(split->bare.size() + split->extension.size() == bytes.size(),
                "nothing is lost by splitting");
}

}  // namespace policyd::fuzz
