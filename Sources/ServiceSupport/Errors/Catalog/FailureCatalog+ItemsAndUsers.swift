// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  private static let idFields = fields(["item_id"], in: itemPlaces) + ["item_ids[i]", "chunk.item_ids[i]"]
  private static let listedIDFields = fields(
    ["exclude_item_ids[j]", "include_item_ids[j]"], in: queryPlaces + ["users[i]"])
  private static let listFields: [String] =
    ["items", "item_ids", "embeddings"]
    + fields(["exclude_item_ids", "include_item_ids", "exclude_categories", "include_categories"], in: queryPlaces)
    + fields(["exclude_item_ids", "include_item_ids"], in: ["users[i]"])
    + ["exclude_categories", "include_categories", "chunk.item_ids"]
  private static let textFields: [String] =
    fields(
      ["item_id", "metadata.title", "metadata.brand", "metadata.category", "metadata.description"], in: itemPlaces)
    + ["item_ids[i]", "users[i].interactions[j].item_id"]
  private static let promptTextFields: [String] =
    fields(["history.items[j].title", "parts.parts[j].text"], in: userPlaces)
    + ["users[i].interactions[j].image.title", "users[i].interactions[j].item_id"]
  /// Fields that name an item of the encoder's catalog.
  private static let storedFields = ["item_ids[i]", "users[i].interactions[j].item_id"]
  private static let historyFields = fields(["history.items"], in: userPlaces)
  private static let partsFields = fields(["parts.parts"], in: userPlaces)
  private static let partFields = fields(["parts.parts[j]"], in: userPlaces)

  static let items = Area(
    title: "Items",
    entries: [
      Entry(
        .noItems, .invalidArgument, fields: ["items", "item_ids", "embeddings"],
        "The request, or the upload of an index version, has no items.",
        remedy: "Send at least one."),
      Entry(
        .tooManyItems, .invalidArgument,
        fields: listFields,
        "A list is longer than max_items_per_request of GetServerInfo, or an index version would hold more items than "
          + "max_items_per_version.",
        remedy: "Split the request, use the stream, or split the catalog into several indexes."),
      Entry(
        .itemMissing, .invalidArgument, fields: ["item"],
        "A message of a stream after the first holds no item.",
        remedy: "Send the config once and then only items."),
      Entry(
        .itemEmpty, .invalidArgument, fields: itemPlaces,
        "The item has neither an image nor a feature.",
        remedy: "Send encoded, raw, cf_feature or text_feature."),
      Entry(
        .itemIDMissing, .invalidArgument,
        fields: idFields + listedIDFields,
        "An item that is stored, indexed or named by its id in a stream has none, or a list of ids holds an empty one.",
        remedy: "Give it the name your catalog knows it by, or leave the empty id out."),
      Entry(
        .itemIDTooLong, .invalidArgument,
        fields: idFields + ["users[i].interactions[j].item_id"],
        "An item id has more than 512 bytes.",
        remedy: "Shorten it, such as to its digest."),
      Entry(
        .metadataTooLong, .invalidArgument, fields: fields(["metadata"], in: itemPlaces),
        "Title, brand, category and description have too many bytes together.",
        remedy: "Shorten the texts; the message names the limit."),
      Entry(
        .textHasNul, .invalidArgument, fields: textFields,
        "A text holds a NUL character.",
        remedy: "Remove it."),
      Entry(
        .spaceNotServed, .invalidArgument, fields: fields(["cf_feature", "text_feature"], in: itemPlaces),
        "The item has a feature of a space that the server does not use.",
        remedy: "Leave the feature out, or start the server with the space among --spaces."),
      Entry(
        .itemNotFound, .notFound, fields: storedFields,
        "The snapshot of the encoder's catalog does not hold the item.",
        remedy: "Encode it and publish the catalog, send its image instead, or leave it out."),
      Entry(
        .towerMismatch, .failedPrecondition, fields: storedFields,
        "The item's image was encoded by another vision tower than the server's.",
        remedy: "Encode the items again with the tower that is served.", retry: .afterRepair),
      Entry(
        .featureMismatch, .failedPrecondition, fields: ["item_ids[i]"],
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
        .historyEmpty, .invalidArgument, fields: historyFields + ["users[i].interactions"],
        "The history holds nothing.",
        remedy: "Send at least one interaction, oldest first."),
      Entry(
        .historyTooLong, .invalidArgument, fields: historyFields + ["users[i].interactions"],
        "The history is longer than a request may hold.",
        remedy: "Send the newest; GetServerInfo says how many are read and how many may be sent."),
      Entry(
        .interactionEmpty, .invalidArgument, fields: ["users[i].interactions[j]"],
        "An interaction has neither item_id nor image.",
        remedy: "Set one."),
      Entry(
        .visualMissing, .invalidArgument, fields: fields(["history.items[j]"], in: userPlaces),
        "An item of the history has neither soft_token nor embedding.",
        remedy: "Send one, as EncoderService returns it."),
      Entry(
        .softTokenOfMore, .invalidArgument,
        fields: fields(["history.items[j].embedding"], in: userPlaces) + ["embeddings"],
        "The training's soft tokens are made of more features than the image's embedding.",
        remedy: "Use soft tokens as LookupItems and EncodeImages return them."),
      Entry(
        .itemWithoutImage, .failedPrecondition, fields: ["users[i].interactions[j].item_id"],
        "The item is stored without an image, so that the LLM has nothing to read.",
        remedy: "Leave it out of the history, or encode it with an image.", retry: .afterRepair),
      Entry(
        .promptMissing, .invalidArgument, fields: userPlaces,
        "The user has neither a history nor parts.", remedy: "Set one."),
      Entry(
        .promptEmpty, .invalidArgument, fields: partsFields,
        "The prompt has no parts.", remedy: "Send at least one."),
      Entry(
        .partEmpty, .invalidArgument, fields: partFields,
        "A part holds neither text nor soft_tokens.", remedy: "Set one."),
      Entry(
        .markerInText, .invalidArgument,
        fields: promptTextFields,
        "A text holds <i_vis>, which marks where an image is read.",
        remedy: "Remove it."),
      Entry(
        .textTooLong, .invalidArgument, fields: historyFields + partsFields + ["users[i].interactions"],
        "The texts of one prompt have more bytes than max_text_bytes of GetServerInfo.",
        remedy: "Shorten the titles or the parts."),
      Entry(
        .promptTooLong, .invalidArgument, fields: historyFields + partsFields + ["users[i].interactions"],
        "The prompt has more tokens than max_prompt_tokens of GetServerInfo.",
        remedy: "Shorten it; CountTokens measures it."),
      Entry(
        .cacheScopeTooLong, .invalidArgument, fields: ["cache_scope", "config.cache_scope"],
        "The cache scope has more than 256 bytes.",
        remedy: "Send a shorter name, such as its digest."),
      Entry(
        .inputInvalid, .invalidArgument, fields: historyFields + partsFields,
        "The model cannot compute with what it was given; the message says why.",
        remedy: "Correct what the message names."),
    ])
}
