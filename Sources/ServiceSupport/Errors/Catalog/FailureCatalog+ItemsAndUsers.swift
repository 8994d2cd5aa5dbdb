// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let items = Area(
    title: "Items",
    entries: [
      Entry(
        .noItems, .invalidArgument, fields: ["items", "item_ids"],
        "The request, or the upload of an index version, has no items.",
        remedy: "Send at least one."),
      Entry(
        .tooManyItems, .invalidArgument,
        fields: [
          "items", "item_ids", "exclude_item_ids", "include_item_ids", "exclude_categories", "include_categories",
          "chunk",
        ],
        "A list is longer than max_items_per_request of GetServerInfo, or an index version would hold more items than "
          + "max_items_per_version.",
        remedy: "Split the request, use the stream, or split the catalog into several indexes."),
      Entry(
        .itemMissing, .invalidArgument, fields: ["item"],
        "A message of a stream after the first holds no item.",
        remedy: "Send the config once and then only items."),
      Entry(
        .itemEmpty, .invalidArgument, fields: ["items[i]"],
        "The item has neither an image nor a feature.",
        remedy: "Send encoded, raw, cf_feature or text_feature."),
      Entry(
        .itemIDMissing, .invalidArgument, fields: ["items[i].item_id", "item_ids[i]", "chunk"],
        "An item that is stored, indexed or named by its id in a stream has none.",
        remedy: "Give it the name your catalog knows it by."),
      Entry(
        .itemIDTooLong, .invalidArgument, fields: ["items[i].item_id", "item_ids[i]", "chunk"],
        "An item id has more than 512 bytes.",
        remedy: "Shorten it, such as to its digest."),
      Entry(
        .metadataTooLong, .invalidArgument, fields: ["items[i].metadata"],
        "Title, brand, category and description have too many bytes together.",
        remedy: "Shorten the texts; the message names the limit."),
      Entry(
        .textHasNul, .invalidArgument, fields: ["items[i].item_id", "items[i].metadata"],
        "A text holds a NUL character.",
        remedy: "Remove it."),
      Entry(
        .spaceNotServed, .invalidArgument, fields: ["items[i].cf_feature", "items[i].text_feature"],
        "The item has a feature of a space that the server does not use.",
        remedy: "Leave the feature out, or start the server with the space among --spaces."),
      Entry(
        .itemNotFound, .notFound, fields: ["users[i].interactions[j]"],
        "The encoder's catalog does not hold the item.",
        remedy: "Encode it with store set, send its image instead, or leave it out."),
      Entry(
        .towerMismatch, .failedPrecondition,
        "The item's image was encoded by another vision tower than the server's.",
        remedy: "Encode the items again with the tower that is served.", retry: .afterRepair),
      Entry(
        .featureMismatch, .failedPrecondition,
        "A stored feature has another length than the checkpoint takes.",
        remedy: "Store the item again with a feature of that length.", retry: .afterRepair),
    ])

  static let users = Area(
    title: "Users",
    entries: [
      Entry(
        .noUsers, .invalidArgument, fields: ["users"], "The request has no users.", remedy: "Send at least one."),
      Entry(
        .tooManyUsers, .invalidArgument, fields: ["users"],
        "The request has more users than max_users_per_request of GetServerInfo.",
        remedy: "Split the request, or use the stream."),
      Entry(
        .userMissing, .invalidArgument, fields: ["user"],
        "A message of a stream after the first holds no user.",
        remedy: "Send the config once and then only users."),
      Entry(
        .userIDMissing, .invalidArgument, fields: ["user.user_id"],
        "A user of a stream has no id, and results come in any order.",
        remedy: "Give each user an id."),
      Entry(
        .historyEmpty, .invalidArgument, fields: ["users[i].history.items", "users[i].interactions"],
        "The history holds nothing.",
        remedy: "Send at least one interaction, oldest first."),
      Entry(
        .historyTooLong, .invalidArgument, fields: ["users[i].history.items", "users[i].interactions"],
        "The history is longer than a request may hold.",
        remedy: "Send the newest; GetServerInfo says how many are read and how many may be sent."),
      Entry(
        .interactionEmpty, .invalidArgument, fields: ["users[i].interactions[j]"],
        "An interaction has neither item_id nor image.",
        remedy: "Set one."),
      Entry(
        .visualMissing, .invalidArgument, fields: ["users[i].history.items[j]"],
        "An item of the history has neither soft_token nor embedding.",
        remedy: "Send one, as EncoderService returns it."),
      Entry(
        .itemWithoutImage, .failedPrecondition, fields: ["users[i].interactions[j]"],
        "The item is stored without an image, so that the LLM has nothing to read.",
        remedy: "Leave it out of the history, or encode it with an image.", retry: .afterRepair),
      Entry(
        .promptMissing, .invalidArgument, fields: ["users[i]", "user"],
        "The user has neither a history nor parts.", remedy: "Set one."),
      Entry(
        .promptEmpty, .invalidArgument, fields: ["users[i].parts.parts"],
        "The prompt has no parts.", remedy: "Send at least one."),
      Entry(
        .partEmpty, .invalidArgument, fields: ["users[i].parts.parts[j]"],
        "A part holds neither text nor soft_tokens.", remedy: "Set one."),
      Entry(
        .markerInText, .invalidArgument,
        fields: ["users[i].history.items[j].title", "users[i].parts.parts[j].text"],
        "A text holds <i_vis>, which marks where an image is read.",
        remedy: "Remove it."),
      Entry(
        .textTooLong, .invalidArgument, fields: ["users[i].history.items", "users[i].parts.parts"],
        "The texts of one prompt have more bytes than max_text_bytes of GetServerInfo.",
        remedy: "Shorten the titles or the parts."),
      Entry(
        .promptTooLong, .invalidArgument, fields: ["users[i].parts.parts"],
        "The prompt has more tokens than max_prompt_tokens of GetServerInfo.",
        remedy: "Shorten it; CountTokens measures it."),
      Entry(
        .cacheScopeTooLong, .invalidArgument, fields: ["cache_scope", "config.cache_scope"],
        "The cache scope has more than 256 bytes.",
        remedy: "Send a shorter name, such as its digest."),
      Entry(
        .inputInvalid, .invalidArgument, fields: ["users[i].parts.parts"],
        "The model cannot compute with what it was given; the message says why.",
        remedy: "Correct what the message names."),
    ])
}
